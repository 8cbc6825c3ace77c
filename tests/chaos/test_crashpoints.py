"""Whichever of the named places the host dies at, all ends as if it had not, and nobody has to help.

A third of the places each day, by the date; all of them with `./dev test chaos`.
"""

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.crash_cases import CASES, CrashCase
from tests.chaos.doomed_host import DoomedHost, wait_for
from tests.conftest import unavailable
from tests.stack_fixtures.slots import take_slot
from tools.lab.laboratory import APP_ROOT, SHORT_PATIENCE, Laboratory
from tools.stack.errors import MissingProgram
from tools.stack.stack import Stack
from tools.stack.topology import Topology

ROOT = Path(__file__).resolve().parents[2]
NEVER = "0 0 0 1 1 *"
_TODAYS_THIRD = datetime.datetime.now(datetime.UTC).toordinal() % 3
_POINTS = [
    pytest.param(name, case, id=name, marks=[] if place % 3 == _TODAYS_THIRD else pytest.mark.slow)
    for place, (name, case) in enumerate(CASES.items())
]

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def host_settings() -> dict[str, str]:
    """What the host is told when it starts; a test may change it before it starts the host again."""
    return dict(SHORT_PATIENCE)


@pytest.fixture(scope="module")
def host(host_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoomedHost]:
    """One stack for all places."""
    scratch = tmp_path_factory.mktemp("crashes")
    host_settings["LAB_CRASH_ORDER"] = str(scratch / "order")
    with take_slot(ROOT / ".local" / "chaos") as slot:
        stack = Stack(
            ROOT, slot, Topology.STANDALONE, durable=False, app_root=APP_ROOT, settings=host_settings
        )
        try:
            Laboratory(stack).open()
            yield DoomedHost(Laboratory(stack), scratch / "order", scratch)
        except MissingProgram as missing:
            unavailable(missing)
        finally:
            stack.down()


@pytest.fixture(autouse=True)
def lively(host: DoomedHost) -> None:
    """A worker that died young waits longer each time before it starts again: each test has a new host."""
    start_again(host)


def start_again(host: DoomedHost) -> None:
    part = host.laboratory.stack.part("standalone")
    part.kill()
    part.start()
    part.wait_ready()


@pytest.mark.parametrize(("name", "case"), _POINTS)
def test_a_death_costs_nothing(host: DoomedHost, name: str, case: CrashCase) -> None:
    case.prepare(host)
    host.doom(name, visit=case.visit)
    case.work(host)
    assert wait_for(lambda: host.has_died, until=bool, seconds=10), "nothing has visited this place"
    assert wait_for(host.unrest, until=lambda unrest: not unrest) == {}
    host.laboratory.stack.raise_if_crashed()  # the worker died, and its parent started it again


@pytest.mark.slow
def test_control_without_sweep_and_janitor_a_promise_is_lost(
    host: DoomedHost, host_settings: dict[str, str]
) -> None:
    schedules = {"ENGINE_SWEEP_SCHEDULE": NEVER, "ENGINE_JANITOR_SCHEDULE": NEVER}
    usual = {name: host_settings[name] for name in schedules}
    host_settings.update(schedules)
    start_again(host)
    host.doom("after_commit_before_send", visit=1)
    job_id = host.submit_three_stages()
    host.order("api/jobs/submit/lab_three_stages", {"run": "another", "tasks": 1, "milliseconds": 0})
    status = "SELECT status FROM app.jobs WHERE job_id = %s"
    seen = wait_for(
        lambda: host.laboratory.query(status, job_id), until=lambda s: s != [("queued",)], seconds=8
    )
    assert (host.has_died, seen) == (True, [("queued",)])
    host_settings.update(usual)
    start_again(host)
    host.expect_job(job_id, "completed")
