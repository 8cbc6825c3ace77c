"""Whether claims and questions about a job stay quick while a hundred thousand tasks wait."""

import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from infrastructure.queries import load
from tools.bench.measuring.bars import Bar
from tools.bench.measuring.engine_client import EngineClient
from tools.bench.measuring.volume import flood
from tools.stack.stack import Stack

_SLOW_MILLISECONDS = 100
_PERCENT = 1.0
_STATEMENTS = ("claim_tasks", "complete_and_take", "complete_tasks")  # one call of each is one statement
_LOOK_SECONDS = 20
_BETWEEN_SECONDS = 0.1
_CALLS = "SELECT funcname, calls FROM pg_stat_user_functions WHERE schemaname = 'app'"
_SLOW = re.compile(r"duration: [0-9.]+ ms +(?:statement|execute [^:]*): SELECT .*?\bapp\.(\w+)\(", re.DOTALL)


def queries(client: EngineClient, stack: Stack, *, tasks: int) -> tuple[list[Bar], dict[str, Any]]:
    """What workers and clients ask of the database while the tasks are worked off, for some seconds.

    The server itself tells of each statement that took long; how many there were in all, it counts as calls
    of functions.
    """
    with _watched(stack) as seen:
        _, job = flood(client, tasks=tasks)
        asked = _ask_about(client, job)
    client.discard()
    calls = sum(seen.calls[name] for name in _STATEMENTS)
    slow = sum(seen.slow.values())
    bars = [
        Bar(
            f"statements of workers of more than {_SLOW_MILLISECONDS} ms",
            100 * slow / calls,
            "%",
            most=_PERCENT,
        ),
        *(
            Bar(f"{name}, {tasks:,} tasks, p99", _p99(times), "ms", most=_SLOW_MILLISECONDS)
            for name, times in asked.items()
        ),
    ]
    return bars, {"calls": seen.calls, "slow": seen.slow, "asked_milliseconds": asked}


def _ask_about(client: EngineClient, job: str) -> dict[str, list[float]]:
    """How the request of a job stands, and how its stages do: the milliseconds of each question."""
    statements: Mapping[str, Any] = {
        "status of a request": load("request_jobs")["open_stage"],
        "stages of a job": load("job_views")["stages"],
    }
    times: dict[str, list[float]] = {name: [] for name in statements}
    end = time.monotonic() + _LOOK_SECONDS
    while time.monotonic() < end:
        for name, statement in statements.items():
            begin = time.monotonic()
            client.ask_named(statement, job_id=job)
            times[name].append((time.monotonic() - begin) * 1000)
        time.sleep(_BETWEEN_SECONDS)
    return times


class _Seen:
    """Calls of the engine's functions, and how many of them the server found slow."""

    def __init__(self) -> None:
        self.calls = Counter[str]()
        self.slow = Counter[str]()


@contextmanager
def _watched(stack: Stack) -> Iterator[_Seen]:
    """Counts what happens in the `with` block; the counts are there when it is left."""
    log = stack.state.log_file(stack.postgres.name)
    seen = _Seen()
    with psycopg.connect(stack.database.urls().admin, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET log_min_duration_statement = {_SLOW_MILLISECONDS}")
        connection.execute("ALTER SYSTEM SET track_functions = 'all'")
        connection.execute("SELECT pg_reload_conf()")
        time.sleep(1)  # until all processes have heard of it
        start, before = log.stat().st_size, _calls(connection)
        try:
            yield seen
        finally:
            connection.execute("ALTER SYSTEM RESET ALL")
            connection.execute("SELECT pg_reload_conf()")
        seen.calls = _calls(connection) - before
        with log.open("rb") as file:
            file.seek(start)
            seen.slow.update(_SLOW.findall(file.read().decode(errors="replace")))


def _calls(connection: psycopg.Connection[Any]) -> Counter[str]:
    return Counter(dict(connection.execute(_CALLS).fetchall()))


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[-1]
