"""Children that die, hang, or are told to: each costs its attempt, and nothing is left of it."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from core.errors import AppError, TaskCancelled, TransientError
from core.registry import HandlerDefinition
from services.isolation.limits import reserved_bytes
from services.isolation.runner import TaskRunner
from tests.integration.isolation import handlers
from tests.integration.isolation.conftest import Attempt, Pids, eventually, is_gone
from tests.integration.isolation.handlers import MIB, Input, definition

SHORT = timedelta(seconds=0.5)
_FILES_OF_A_CHILD = 5.0  # standard input, output and error, the channel, the file of the answer


def _failure(
    runner: TaskRunner, attempt: Attempt, handler: HandlerDefinition, value: int | str | None = None
) -> AppError:
    with pytest.raises(AppError) as caught:
        runner(handler, Input(value=value), attempt.context)
    return caught.value


def test_a_segfault_costs_the_attempt(
    runner: TaskRunner, attempt: Attempt, caplog: pytest.LogCaptureFixture
) -> None:
    error = _failure(runner, attempt, definition(handlers.segfault))
    assert isinstance(error, TransientError)
    assert (error.code, dict(error.context)) == ("WORKER_CRASHED", {"signal": "SIGSEGV"})
    assert "in segfault" in "".join(str(vars(record).get("output")) for record in caplog.records)
    assert runner(definition(handlers.echo), Input(value=1), attempt.context)


@pytest.mark.parametrize("code", [0, 1, 77])
def test_an_end_without_an_answer_is_a_crash(runner: TaskRunner, attempt: Attempt, code: int) -> None:
    error = _failure(runner, attempt, definition(handlers.exit_now), code)
    assert (error.code, dict(error.context)) == ("WORKER_CRASHED", {"exit_code": code})


def test_a_kill_from_outside_is_a_crash(runner: TaskRunner, attempt: Attempt) -> None:
    error = _failure(runner, attempt, definition(handlers.kill_myself))
    assert (error.code, dict(error.context)) == ("WORKER_CRASHED", {"signal": "SIGKILL"})


@pytest.mark.parametrize(
    "handler", [handlers.hog, handlers.hog_behind_an_error], ids=lambda handler: handler.__name__
)
def test_memory_beyond_the_limit_is_out_of_memory(
    runner: TaskRunner, attempt: Attempt, handler: Callable[..., handlers.Output]
) -> None:
    """Also when the handler takes it for a fault of the data: then it would never be tried again."""
    limited = definition(handler, memory_limit_bytes=128 * MIB)
    error = _failure(runner, attempt, limited, 144 + reserved_bytes() // MIB)
    assert isinstance(error, TransientError)
    assert error.code == "OUT_OF_MEMORY"
    assert runner(limited, Input(value=32), attempt.context) == handlers.Output(number=32 * MIB)


def test_native_code_that_aborts_for_memory_is_out_of_memory(runner: TaskRunner, attempt: Attempt) -> None:
    assert _failure(runner, attempt, definition(handlers.abort_for_memory)).code == "OUT_OF_MEMORY"


@pytest.mark.parametrize(
    "handler",
    [handlers.hang, handlers.hang_deaf, handlers.hang_holding_the_interpreter],
    ids=lambda handler: handler.__name__,
)
def test_a_hang_ends_at_the_time_limit(
    runner: TaskRunner, attempt: Attempt, told_pids: Pids, handler: Callable[..., handlers.Output]
) -> None:
    error = _failure(runner, attempt, definition(handler, time_limit=SHORT), str(attempt.workspace / "pids"))
    assert isinstance(error, TransientError)
    assert error.code == "TASK_TIMEOUT"
    for pid in told_pids():
        eventually(lambda pid=pid: is_gone(pid))  # type: ignore[misc]


def _cancel_while_running(
    runner: TaskRunner, attempt: Attempt, told_pids: Pids, handler: Callable[..., handlers.Output]
) -> object:
    with ThreadPoolExecutor(1) as pool:
        path = str(attempt.workspace / "pids")
        running = pool.submit(runner, definition(handler), Input(value=path), attempt.context)
        pids = told_pids()
        attempt.cancelled.set()
        error = running.exception(timeout=30)
    for pid in pids:
        eventually(lambda pid=pid: is_gone(pid))  # type: ignore[misc]
    return error or running.result()


@pytest.mark.parametrize(
    "handler",
    [
        handlers.work_in_steps,
        handlers.hang,
        handlers.hang_deaf,
        handlers.hang_holding_the_interpreter,
    ],
    ids=lambda handler: handler.__name__,
)
def test_a_cancelled_task_stops(
    runner: TaskRunner, attempt: Attempt, told_pids: Pids, handler: Callable[..., handlers.Output]
) -> None:
    assert isinstance(_cancel_while_running(runner, attempt, told_pids, handler), TaskCancelled)


def test_the_handler_itself_hears_that_it_is_cancelled(
    runner: TaskRunner, attempt: Attempt, told_pids: Pids
) -> None:
    """And what it still finishes in the grace counts; whether anybody wants it is the engine's business."""
    result = _cancel_while_running(runner, attempt, told_pids, handlers.stop_and_answer)
    assert result == handlers.Output(value="finished all the same")


def test_what_a_handler_leaves_behind_is_killed(runner: TaskRunner, attempt: Attempt) -> None:
    result = runner(definition(handlers.leave_helper_behind), Input(), attempt.context)
    eventually(lambda: is_gone(int(result.number)))  # type: ignore[attr-defined]


def test_eight_run_side_by_side_and_do_not_touch_one_another(runner: TaskRunner, attempt: Attempt) -> None:
    """Half of them crash; all eight must be there at once for one of them to end."""
    meeting = attempt.workspace / "meeting"
    meeting.mkdir()

    def run(number: int) -> str:
        handler = handlers.meet_and_answer if number % 2 else handlers.meet_and_crash
        try:
            result = runner(definition(handler), Input(value=[str(meeting), 8]), attempt.context)
        except TransientError as exc:
            return exc.code
        return f"{result.number} open files"  # type: ignore[attr-defined]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(run, range(8)))
    assert found == ["WORKER_CRASHED", f"{_FILES_OF_A_CHILD} open files"] * 4
    assert len(list(meeting.iterdir())) == 8


def test_a_dead_nursery_costs_the_running_attempts_and_is_replaced(
    runner: TaskRunner, attempt: Attempt, told_pids: Pids
) -> None:
    with ThreadPoolExecutor(1) as pool:
        path = str(attempt.workspace / "pids")
        running = pool.submit(runner, definition(handlers.hang), Input(value=path), attempt.context)
        pids = told_pids()
        old = runner.nursery_pid
        assert old is not None
        os.kill(old, signal.SIGKILL)
        error = running.exception(timeout=30)
    assert isinstance(error, TransientError)
    assert error.code == "WORKER_CRASHED"
    for pid in pids:
        eventually(lambda pid=pid: is_gone(pid))  # type: ignore[misc]
    assert runner(definition(handlers.echo), Input(value=1), attempt.context)
    assert runner.nursery_pid != old


def test_waiting_for_a_child_takes_no_processor_time(runner: TaskRunner, attempt: Attempt) -> None:
    started = time.thread_time()
    _failure(runner, attempt, definition(handlers.hang, time_limit=timedelta(seconds=2)))
    assert time.thread_time() - started < 0.2
