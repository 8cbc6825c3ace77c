"""A scenario: what is done to a running laboratory, and what must be true afterwards."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tools.lab.laboratory import SHORT_PATIENCE, Laboratory

NEVER = "0 0 0 1 1 *"
"""A schedule for what is to be left out: once a year."""


class TextNotFound(Exception):
    """The engine's SQL has changed: a scenario that alters it finds nothing to alter, and must be adapted."""


@dataclass(frozen=True, slots=True)
class Change:
    """A piece of one of the engine's SQL functions, and what stands there while the scenario runs."""

    function: str
    text: str
    replacement: str = ""

    def make(self, url: str) -> None:
        """Replace the function; TextNotFound where the piece is not in it."""
        with psycopg.connect(url) as connection:
            (source,) = connection.execute(
                "SELECT pg_get_functiondef(%s::regproc)", (self.function,)
            ).fetchone() or ("",)
            if self.text not in source:
                raise TextNotFound(f"{self.function}: {self.text!r}")
            connection.execute(source.replace(self.text, self.replacement))


@dataclass
class Run:
    """One run of a scenario: what it works with, and what it finds.

    `quick` asks for less of everything. `patience_seconds` is how long it may wait for jobs to end.
    """

    lab: Laboratory
    seed: int
    quick: bool
    patience_seconds: float
    soak_minutes: float = 120
    facts: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311  reproducible harm, no secret

    def require(self, is_so: bool, otherwise: str) -> None:
        """Note a fault unless it is so."""
        if not is_so:
            self.faults.append(otherwise)

    def at_most(self, name: str, value: float, bound: float) -> None:
        """Note a value, and a fault where it is above its bound."""
        self.facts[name] = round(value, 3)
        self.require(value <= bound, f"{name}: {value:.1f}, more than {bound:g}")

    def require_whole(self, jobs: Sequence[str], *, tasks: int) -> None:
        """Wait; all jobs (of three stages of `tasks`) must complete, with a clean history."""
        ends = self.lab.wait(jobs, seconds=self.patience_seconds)
        completed = sum(status == "completed" for status in ends.values())
        self.facts["jobs_completed"] = f"{completed} of {len(jobs)}"
        self.require(completed == len(jobs), f"jobs completed: {completed} of {len(jobs)}")
        ((made,),) = self.lab.query("SELECT count(*) FROM app.jobs")  # some were made and never acknowledged
        self.lab.wait([job for (job,) in self.lab.query("SELECT job_id FROM app.jobs")], seconds=10)
        self.faults += self.lab.faults(jobs=made, stages=3, tasks=tasks)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`bar` is the number in the list of bars (docs/explanation/reliability.md). A negative control
    takes a guard away from the engine, by a change or by settings, and must find faults. One that
    needs no stack starts its own.
    """

    name: str
    bar: str
    promise: str
    run: Callable[[Run], None]
    settings: Mapping[str, str] = field(default_factory=lambda: SHORT_PATIENCE)
    is_seeded: bool = False
    changes: tuple[Change, ...] = ()
    is_control: bool = False
    needs_stack: bool = True
