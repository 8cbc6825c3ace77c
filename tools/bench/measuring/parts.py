"""A benchmark of several parts on one stack: each is a module with `measure(place, options)`."""

import argparse
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tools.bench.measuring.bars import Bar, report
from tools.bench.measuring.engine_client import NotMeasured
from tools.bench.measuring.workplace import Workplace, workplace

ROOT = Path(__file__).resolve().parents[3]
STATE_DIR = ROOT / ".local" / "bench"


def run_parts(package: str, parts: Mapping[str, str], options: argparse.Namespace) -> int:
    """Run `options.only`, show a table, write `.local/bench/<package>.json`; 1 when a bar is missed.

    `parts` says of each module of `tools.bench.<package>_parts` what it measures.
    """
    bars: list[Bar] = []
    details: dict[str, Any] = {}
    with workplace(ROOT, STATE_DIR, name=package, processes=options.processes) as place:
        for name in options.only:
            print(f"{name}: {parts[name]} ...", flush=True)
            measured, details[name] = _measured(f"tools.bench.{package}_parts.{name}", name, place, options)
            bars += measured
    return report(STATE_DIR / f"{package}.json", bars, options=vars(options), details=details)


def _measured(
    module: str, name: str, place: Workplace, options: argparse.Namespace
) -> tuple[list[Bar], dict[str, Any]]:
    """One part. One that breaks off is a missed bar, and keeps the others from nothing."""
    try:
        bars, details = importlib.import_module(module).measure(place, options)
    except (NotMeasured, TimeoutError) as exc:
        bars, details = [Bar(f"{name}: {exc}", 0, least=1)], {}
    for bar in bars:
        print(f"    {bar.name}: {bar.value:,.2f} {bar.unit}", flush=True)
    return bars, details


def names_of(parts: Mapping[str, str]) -> Callable[[str], list[str]]:
    """The type of an argument that lists some of the parts, with commas between."""

    def names(text: str) -> list[str]:
        found = text.split(",")
        if unknown := sorted(set(found) - set(parts)):
            raise argparse.ArgumentTypeError(f"no such part: {', '.join(unknown)}")
        return found

    return names
