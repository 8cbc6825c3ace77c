"""Two versions of the code side by side on one database and one broker, with jobs in flight.

The newer version is a copy of this tree with changes of each kind that an upgrade brings: a field more in a
message, in a job's parameters, in a task's parameters and in its result. The database stands as the older
version made it.
"""

import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from core.schema.queue import SCHEMA_VERSION
from tests.conftest import unavailable
from tests.integration.engine.invariants import assert_invariants
from tests.stack_fixtures.slots import take_slot
from tools.lab.laboratory import SHORT_PATIENCE
from tools.stack.errors import MissingProgram
from tools.stack.python_parts import FunctionsHost
from tools.stack.stack import Stack
from tools.stack.topology import Topology

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

_LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "node_modules", "tests", "docs", "test-results", "*.pyc"
)

# What the newer version has that the older one refuses, by file.
_CHANGES = {
    "core/schema/queue.py": [
        (f"SCHEMA_VERSION = {SCHEMA_VERSION}\n", f"SCHEMA_VERSION = {SCHEMA_VERSION + 1}\n"),
        (
            '    message_type: Literal["job_submit"] = "job_submit"\n',
            '    message_type: Literal["job_submit"] = "job_submit"\n    origin: str = "newer"\n',
        ),
    ],
    "config/defaults.py": [('VERSION = "', 'VERSION = "1000.')],
    "core/task_models/hello_world.py": [
        ("    name: str\n", '    name: str\n    word: str = "Hello"\n'),
        ("    text: str\n", '    text: str\n    language: str = "en"\n'),
    ],
    "services/hello_world.py": [('text=f"Hello, ', 'text=f"{parameters.word}, ')],
    "jobs/hello_world.py": [
        ("    n: int = Field(", '    word: str = "Welcome"\n    n: int = Field('),
        ("GreetParameters(name=", "GreetParameters(word=parameters.word, name="),
    ],
}


def newer_version(target: Path) -> Path:
    """A copy of the tree with the changes above."""
    shutil.copytree(ROOT, target, ignore=_LEFT_OUT)
    for name, changes in _CHANGES.items():
        text = (target / name).read_text("utf-8")
        for old, new in changes:
            assert text.count(old) == 1, f"{name}: {old!r}"
            text = text.replace(old, new)
        (target / name).write_text(text, "utf-8")
    return target


@dataclass(frozen=True)
class Rollout:
    """Hosts of both versions on the same servers."""

    stack: Stack
    older: FunctionsHost
    newer: FunctionsHost

    def start(self, host: FunctionsHost) -> None:
        host.start()
        host.wait_ready()

    def submit(self, host: FunctionsHost, *, greetings: int) -> str:
        answer = requests.post(
            f"{host.base_url}/api/jobs/submit/hello_world",
            json={"n": greetings, "name": uuid.uuid4().hex},
            timeout=10,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["job_id"])

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.stack.database.urls().admin) as connection:
            return connection.execute(statement, values).fetchall()

    def status(self, job_id: str) -> str:
        ((status,),) = self.rows("SELECT status FROM app.jobs WHERE job_id = %s", job_id)
        return str(status)

    def done(self, job_id: str) -> int:
        ((number,),) = self.rows(
            "SELECT count(*) FROM app.tasks WHERE job_id = %s AND status = 'completed'", job_id
        )
        return int(number)

    def wait(self, *job_ids: str) -> set[str]:
        """The statuses in which these jobs end."""
        wait_until(
            lambda: {self.status(job_id) for job_id in job_ids} <= {"completed", "failed"}, seconds=150
        )
        return {self.status(job_id) for job_id in job_ids}

    def assert_nothing_was_lost(self) -> None:
        """No task took more than one attempt for lack of understanding, and nothing died at the broker."""
        assert self.rows("SELECT task_id, error FROM app.tasks WHERE error IS NOT NULL") == []
        assert self.rows("SELECT queue, reason, body FROM app.dead_letters") == []
        assert_invariants(self.stack.database.urls().admin)


def wait_until(probe: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not probe() and time.monotonic() < deadline:
        time.sleep(0.2)


@pytest.fixture
def rollout(tmp_path: Path) -> Iterator[Rollout]:
    """Servers and the older version's host; the newer one's is not started yet."""
    with take_slot(ROOT / ".local" / "upgrade") as slot:
        stack = Stack(ROOT, slot, Topology.STANDALONE, durable=False, settings=SHORT_PATIENCE)
        older = stack.part("standalone")
        assert isinstance(older, FunctionsHost)
        newer = FunctionsHost(
            "newer",
            state=stack.state,
            root=newer_version(tmp_path / "newer"),
            settings=lambda: {**stack.environment(), "APP_NAME": "newer"},
        )
        newer.stop()
        stack.down()
        stack.broker.discard_data()
        try:
            stack.up()
        except MissingProgram as missing:
            unavailable(missing)
        try:
            older.stop()  # its janitor is at work in the tables that an earlier test has filled
            with psycopg.connect(stack.database.urls().admin) as connection:
                connection.execute("TRUNCATE app.jobs, app.outbox, app.dead_letters, app.listeners CASCADE")
            older.start()
            older.wait_ready()
            yield Rollout(stack, older, newer)
        finally:
            newer.stop()
            stack.down()


def test_both_versions_work_side_by_side(rollout: Rollout) -> None:
    """Whoever hears of a job first: what is too new for the older version is left to the newer one."""
    rollout.start(rollout.newer)
    hosts = [rollout.older, rollout.newer] * 3
    jobs = [rollout.submit(host, greetings=20) for host in hosts]
    assert rollout.wait(*jobs) == {"completed"}
    assert rollout.rows("SELECT DISTINCT version FROM app.listeners") != []
    too_new = "SELECT DISTINCT executed_by_app FROM app.tasks WHERE parameters ? 'word'"
    assert rollout.rows(too_new) == [("newer",)]
    for job_id in jobs[1::2]:
        ((result,),) = rollout.rows("SELECT result FROM app.jobs WHERE job_id = %s", job_id)
        assert result["first"].startswith("Welcome, ")
    rollout.assert_nothing_was_lost()


def test_an_upgrade_in_the_middle_of_a_job(rollout: Rollout) -> None:
    """The newer version goes on with what the older one began."""
    rollout.newer.start()
    job_id = rollout.submit(rollout.older, greetings=1500)
    wait_until(lambda: rollout.done(job_id) > 50, seconds=30)
    rollout.newer.wait_ready()
    rollout.older.stop()
    in_flight = rollout.status(job_id)
    assert rollout.wait(job_id) == {"completed"}
    apps = {name for (name,) in rollout.rows("SELECT DISTINCT executed_by_app FROM app.tasks")}
    assert (in_flight, apps) == ("processing", {"geo-standalone", "newer"})
    rollout.assert_nothing_was_lost()


def test_a_rollback_in_the_middle_of_a_job(rollout: Rollout) -> None:
    """What the newer version began waits until it is back; the older one does its own work meanwhile."""
    rollout.start(rollout.newer)
    waiting = rollout.submit(rollout.newer, greetings=300)
    wait_until(lambda: rollout.done(waiting) > 50, seconds=30)
    rollout.newer.stop()
    done = rollout.done(waiting)
    own = rollout.submit(rollout.older, greetings=20)
    assert rollout.wait(own) == {"completed"}
    time.sleep(6)  # longer than the janitor's patience
    assert (rollout.status(waiting), rollout.done(waiting)) == ("processing", done)
    rollout.start(rollout.newer)
    assert rollout.wait(waiting) == {"completed"}
    rollout.assert_nothing_was_lost()
