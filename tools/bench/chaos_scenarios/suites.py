"""Tests of the project that are run here again and again, or for long."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.bench.chaos_scenarios.scenario import Run, Scenario

_ROOT = Path(__file__).resolve().parents[3]
_LAST_LINES = 15


def _crash_points(run: Run) -> None:
    rounds = 1 if run.quick else 20
    cases = ["tests/chaos/test_crashpoints.py", "-m", "slow or not slow", "-k", "a_death_costs_nothing"]
    for number in range(1, rounds + 1):
        _pytest(run, *cases, "-n", "4", "--dist=load")  # they mostly wait for leases to end
        run.facts["rounds"] = number
        print(f"    round {number}: {run.facts['result']}", flush=True)


def _model(run: Run) -> None:
    steps = 1_000 if run.quick else 10_000
    seed = f"--hypothesis-seed={run.seed}"
    _pytest(run, "tests/integration/engine/test_model.py", seed, settings={"MODEL_STEPS": str(steps)})
    run.facts["steps"] = steps


def _pytest(run: Run, *arguments: str, settings: Mapping[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command,
        cwd=_ROOT,
        env={**os.environ, **(settings or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    run.facts["result"] = lines[-1] if lines else ""
    for line in lines:
        if line.startswith(("FAILED", "ERROR")):
            print(f"    {line}", flush=True)  # the scenario may go on for an hour
    run.require(done.returncode == 0, "\n".join(lines[-_LAST_LINES:]))


SCENARIOS = (
    Scenario(
        "crash_points",
        "B4",
        "the host dies at each of the named places, twenty times over: all ends as if it had not",
        _crash_points,
        needs_stack=False,
    ),
    Scenario(
        "model",
        "B15",
        "the engine agrees with its model for 10,000 steps, from each seed",
        _model,
        needs_stack=False,
        is_seeded=True,
    ),
)
