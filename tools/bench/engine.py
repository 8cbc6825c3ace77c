"""`./dev bench engine`: CoreMachine's latency and throughput, on real PostgreSQL, broker and Functions host.

The stack is one of its own, durable (fsync on). Beside the engine, the same run measures what the database
alone does on this machine for the same statements, and what Celery with Redis does with the same work.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tools.bench.celery_side.packages import ensure_packages
from tools.bench.measuring import cold_start, fairness, queries, rates, volume
from tools.bench.measuring.bars import Bar, report
from tools.bench.measuring.engine_client import EngineClient, NotMeasured, engine_stack
from tools.stack.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
STATE_DIR = ROOT / ".local" / "bench"

Measured = tuple[list[Bar], dict[str, Any]]
Part = Callable[[EngineClient, Stack, argparse.Namespace], Measured]


def _celery(client: EngineClient, options: argparse.Namespace) -> Measured:
    from tools.bench.measuring.side_by_side import side_by_side  # needs what is installed on demand

    state_dir = STATE_DIR / "celery"
    return side_by_side(client, root=ROOT, state_dir=state_dir, tasks=options.tasks, repeats=options.repeats)


# The drain contains the fan-out; `fan_out` is for a look at it alone.
PARTS: dict[str, Part] = {
    "cold_start": lambda _, stack, __: cold_start.cold_start(stack, root=ROOT),
    "latency": lambda client, _, options: rates.idle_latency(client, jobs=options.jobs),
    "throughput": lambda client, _, options: rates.throughput(
        client, tasks=options.tasks, repeats=options.repeats
    ),
    "hot_stage": lambda client, _, options: rates.hot_stage(client, tasks=10 * options.tasks),
    "database": lambda _, stack, options: rates.database_alone(stack, tasks=options.tasks, connections=4),
    "celery": lambda client, _, options: _celery(client, options),
    "fairness": lambda client, _, options: fairness.fairness(client, tasks=options.flood // 2, jobs=10),
    "queries": lambda client, stack, options: queries.queries(client, stack, tasks=options.flood),
    "fan_out": lambda client, _, options: volume.fan_out(client, tasks=options.flood),
    "drain": lambda client, _, options: volume.drain(client, tasks=options.flood),
}
_DEFAULT = [name for name in PARTS if name != "fan_out"]


def main(arguments: Sequence[str]) -> int:
    """Run, show a table, write `.local/bench/engine.json`; exit code 1 when a bar is missed."""
    options = _options(arguments)
    if "celery" in options.only:
        ensure_packages(ROOT)
    bars: list[Bar] = []
    details: dict[str, Any] = {}
    with engine_stack(ROOT, STATE_DIR, processes=options.processes) as stack:
        client = EngineClient(stack)
        for name in options.only:
            measured, details[name] = _measured(name, client, stack, options)
            bars += measured
    return report(STATE_DIR / "engine.json", bars, options=vars(options), details=details)


def _measured(name: str, client: EngineClient, stack: Stack, options: argparse.Namespace) -> Measured:
    """One part. One that breaks off is a missed bar, and keeps the others from nothing."""
    print(f"{name} ...", flush=True)
    try:
        bars, details = PARTS[name](client, stack, options)
    except (NotMeasured, TimeoutError) as exc:
        client.discard()
        bars, details = [Bar(f"{name}: {exc}", 0, least=1)], {}
    for bar in bars:
        print(f"    {bar.name}: {bar.value:,.2f} {bar.unit}", flush=True)
    return bars, details


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench engine", description=__doc__)
    parser.add_argument("--only", type=_names, default=_DEFAULT, help=f"some of {','.join(PARTS)}")
    parser.add_argument("--jobs", type=int, default=100, help="jobs for the latency (default 100)")
    parser.add_argument("--tasks", type=int, default=1000, help="tasks in each of the three stages")
    parser.add_argument("--flood", type=int, default=100_000, help="tasks of the drain (default 100000)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2, help="worker processes of the host")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := sorted(set(names) - set(PARTS)):
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(unknown)}")
    return names
