"""`./dev bench chaos`: long runs of harm with fixed seeds, on a stack of its own.

Each scenario harms the engine and then asks the database what happened: a ledger that triggers write, and
invariants in SQL. Negative controls are scenarios with a guard of the engine removed; they must find faults,
or the scenarios could not.
"""

import argparse
import itertools
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
import requests
from rich.console import Console
from rich.table import Table

from tools.bench.chaos_scenarios import freezes, kills, long_runs, messages, outages, pooled, suites
from tools.bench.chaos_scenarios.scenario import Run, Scenario, TextNotFound
from tools.bench.measuring.bars import write_json
from tools.lab.laboratory import APP_ROOT, Laboratory, SubmissionRefused
from tools.stack.errors import StackError
from tools.stack.stack import Stack
from tools.stack.topology import Topology

ROOT = Path(__file__).resolve().parents[2]
STATE_DIR = ROOT / ".local" / "bench-chaos"
REPORT = ROOT / ".local" / "bench" / "chaos.json"

SCENARIOS = {
    scenario.name: scenario
    for scenario in itertools.chain(
        *(module.SCENARIOS for module in (kills, messages, pooled, outages, freezes, long_runs, suites))
    )
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended: what was found wrong, and what kept the run from its end, if anything did."""

    scenario: str
    bar: str
    seed: int
    is_control: bool
    seconds: float
    facts: dict[str, Any]
    faults: list[str]
    error: str

    @property
    def is_expected(self) -> bool:
        """Whether the run shows what it should. A run that broke off shows nothing."""
        return not self.error and bool(self.faults) == self.is_control

    @property
    def verdict(self) -> str:
        """In words; a control is green when it is red."""
        if not self.is_expected:
            return "MISSED"
        return "red, as it must be" if self.is_control else "met"


def main(arguments: Sequence[str]) -> int:
    """Run, show a table, write `.local/bench/chaos.json`; exit code 1 when a run is not as expected."""
    options = _options(arguments)
    outcomes = []
    for scenario in (SCENARIOS[name] for name in options.only):
        for seed in range(1, (options.seeds if scenario.is_seeded else 1) + 1):
            outcome = _run(scenario, seed=seed, options=options)
            outcomes.append(outcome)
            _tell(outcome)
    runs = [{**asdict(outcome), "is_expected": outcome.is_expected} for outcome in outcomes]
    write_json(REPORT, options=vars(options), runs=runs)
    _show(outcomes)
    return 0 if all(outcome.is_expected for outcome in outcomes) else 1


def _run(scenario: Scenario, *, seed: int, options: argparse.Namespace) -> Outcome:
    started, error = time.monotonic(), ""
    settings = {**scenario.settings, "LAB_SEED": str(seed)}
    stack = Stack(ROOT, STATE_DIR, Topology.STANDALONE, durable=False, app_root=APP_ROOT, settings=settings)
    run = Run(
        Laboratory(stack),
        seed,
        options.quick,
        patience_seconds=20 if scenario.is_control else 180,
        soak_minutes=options.soak_minutes,
    )
    try:
        if scenario.needs_stack:
            run.lab.open()
        for change in scenario.changes:
            change.make(stack.database.urls().admin)
        scenario.run(run)
    except (psycopg.Error, requests.RequestException, TextNotFound, SubmissionRefused, StackError) as exc:
        error = f"{type(exc).__name__}: {exc}"
    finally:
        stack.down()
    seconds = round(time.monotonic() - started, 1)
    return Outcome(
        scenario.name, scenario.bar, seed, scenario.is_control, seconds, run.facts, run.faults, error
    )


def _tell(outcome: Outcome) -> None:
    print(f"{outcome.scenario}, seed {outcome.seed}: {outcome.verdict} ({outcome.seconds:.0f} s)", flush=True)
    facts = [f"{name} {value}" for name, value in outcome.facts.items()]
    for line in [*facts, *outcome.faults, *outcome.error.splitlines()]:
        print(f"    {line}", flush=True)


def _show(outcomes: Sequence[Outcome]) -> None:
    table = Table("scenario", "bar", "seed", "", "seconds")
    for outcome in outcomes:
        seed, seconds = str(outcome.seed), f"{outcome.seconds:.0f}"
        table.add_row(outcome.scenario, outcome.bar, seed, outcome.verdict, seconds)
    Console().print(table)
    print(f"Details: {REPORT}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench chaos", description=__doc__)
    parser.add_argument("--only", type=_names, default=list(SCENARIOS), help=f"some of {','.join(SCENARIOS)}")
    parser.add_argument("--seeds", type=int, default=10, help="runs of each scenario that goes by chance")
    parser.add_argument("--soak-minutes", type=float, default=120, help="how long the soak takes")
    parser.add_argument("--quick", action="store_true", help="less of everything, to see that it works")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := sorted(set(names) - set(SCENARIOS)):
        raise argparse.ArgumentTypeError(f"no such scenario: {', '.join(unknown)}")
    return names
