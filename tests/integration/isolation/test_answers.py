"""What comes back from a child: results, errors, progress, records, output."""

import json
import logging
import math
import os
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from core.errors import AppError, ContractViolation, InvalidRequest, NotFound, PermanentTaskError
from core.models.results import ErrorClass, ErrorDetail
from services.isolation.runner import TaskRunner
from tests.integration.isolation import handlers
from tests.integration.isolation.conftest import Attempt
from tests.integration.isolation.handlers import Input, LocalError, definition


def test_parameters_go_in_and_a_result_comes_out(runner: TaskRunner, attempt: Attempt) -> None:
    value = {"a": [1, 2.5, None, "ä\u2028"], "b": {"c": True}}
    result = runner(definition(handlers.echo), Input(value=value), attempt.context)
    assert isinstance(result, handlers.Output)
    assert result.value == value
    assert math.isnan(result.number)


def test_a_result_may_be_large(runner: TaskRunner, attempt: Attempt) -> None:
    text = "0123456789" * 1024 * 1024
    result = runner(definition(handlers.echo), Input(value=text), attempt.context)
    assert result == handlers.Output.model_construct(value=text, number=result.number)  # type: ignore[attr-defined]


def test_the_child_is_a_process_with_stores_of_its_own(runner: TaskRunner, attempt: Attempt) -> None:
    result = runner(definition(handlers.surroundings), Input(), attempt.context)
    found = json.loads(result.model_dump_json())["value"]
    assert found["pid"] == found["store_pid"] == found["group"] == found["session"] != os.getpid()
    assert found["store_is_open"]
    assert found["obeys_sigterm"], "which the nursery does not"
    assert found["core"] == "0"
    assert found["oom_score"] == 500
    assert found["ids"] == ["job-1", "task-1", 2, str(attempt.workspace)]


@pytest.mark.parametrize("preload", [(), ("colorsys",)])
def test_children_are_born_with_what_is_preloaded(preload: tuple[str, ...], attempt: Attempt) -> None:
    runner = TaskRunner(surroundings=handlers.open_surroundings, handlers={}, preload=preload)
    try:
        result = runner(definition(handlers.has_loaded), Input(value="colorsys"), attempt.context)
    finally:
        runner.close()
    assert result == handlers.Output(value=bool(preload))


def test_without_isolation_it_runs_here(runner: TaskRunner, attempt: Attempt) -> None:
    here = definition(handlers.own_pid, isolated=False)
    assert runner(here, Input(), attempt.context) == handlers.Output(number=os.getpid())


@pytest.mark.parametrize("isolated", [True, False])
def test_a_result_of_another_class_is_a_bug(runner: TaskRunner, attempt: Attempt, isolated: bool) -> None:
    with pytest.raises(ContractViolation, match="returned no Output"):
        runner(definition(handlers.return_nonsense, isolated=isolated), Input(), attempt.context)


def _error_of(runner: TaskRunner, attempt: Attempt, name: str) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011  which one is what the tests are about
        runner(definition(handlers.fail), Input(value=name), attempt.context)
    return caught.value


def test_our_errors_arrive_as_they_were(runner: TaskRunner, attempt: Attempt) -> None:
    error = _error_of(runner, attempt, "not found")
    assert type(error) is NotFound
    assert (error.message, error.code, error.remedy) == ("no blob", "SOURCE_NOT_FOUND", "upload it")
    assert dict(error.context) == {"bbox": [1, 2.5], "name": "ä"}
    assert error.__cause__ is None


def test_what_an_error_has_besides_arrives_too(runner: TaskRunner, attempt: Attempt) -> None:
    invalid, local = _error_of(runner, attempt, "invalid"), _error_of(runner, attempt, "local")
    assert isinstance(invalid, InvalidRequest)
    assert invalid.field_errors == ({"field": "a", "message": "b"},)
    assert type(local) is LocalError
    assert local.code == "LOCAL"


@pytest.mark.parametrize(("name", "class_name"), [("odd", "OddError"), ("value", "ValueError")])
def test_an_unknown_error_keeps_its_name_and_its_traceback(
    runner: TaskRunner, attempt: Attempt, name: str, class_name: str
) -> None:
    error = _error_of(runner, attempt, name)
    assert not isinstance(error, AppError)
    detail = ErrorDetail.of(error)
    assert detail.error_class is ErrorClass.UNKNOWN
    assert f"An unexpected {class_name} " in detail.message
    assert "handlers.py" in str(error.__cause__)


def test_the_cause_of_our_error_is_in_the_log(runner: TaskRunner, attempt: Attempt) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        runner(definition(handlers.fail_from_cause), Input(value=0), attempt.context)
    assert caught.value.code == "NO_DIVISION"
    assert "ZeroDivisionError" in str(caught.value.__cause__)


def test_an_exit_is_an_error(runner: TaskRunner, attempt: Attempt) -> None:
    with pytest.raises(Exception, match="3") as caught:
        runner(definition(handlers.system_exit), Input(), attempt.context)
    assert type(caught.value).__name__ == "SystemExit"


def test_progress_arrives_in_order(runner: TaskRunner, attempt: Attempt) -> None:
    runner(definition(handlers.report), Input(value=4), attempt.context)
    assert attempt.progress == [0.25, 0.5, 0.75, 1.0]


def test_what_was_said_before_the_end_is_heard_by_a_slow_host(runner: TaskRunner, attempt: Attempt) -> None:
    def report_slowly(fraction: float) -> None:
        time.sleep(0.01)
        attempt.progress.append(fraction)

    slow = replace(attempt.context, report=report_slowly)
    runner(definition(handlers.report), Input(value=20), slow)
    assert len(attempt.progress) == 20


def test_progress_is_cheap_however_often_it_is_reported(runner: TaskRunner, attempt: Attempt) -> None:
    runner(definition(handlers.report_very_often), Input(), attempt.context)
    assert 100 <= len(attempt.progress) <= 201
    assert attempt.progress[-1] == 1.0


def test_records_reach_the_hosts_log_with_the_ids_of_the_task(
    runner: TaskRunner, attempt: Attempt, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    runner(definition(handlers.log), Input(), attempt.context)
    seen, broke, long = [record for record in caplog.records if record.name == handlers.LOG.name]
    assert seen.getMessage() == "seen 3 features"
    assert {"action": "seen", "feature_count": 3, "job_id": "job-1", "task_id": "task-1", "attempt": 2}.items() <= vars(seen).items()  # noqa: E501  # fmt: skip
    assert seen.process != os.getpid()
    assert broke.exc_text is not None
    assert "ValueError: inside" in broke.exc_text
    assert 1000 < len(long.getMessage()) < 100_000


def test_what_native_code_prints_is_logged_up_to_a_cap(
    runner: TaskRunner, attempt: Attempt, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    runner(definition(handlers.print_much), Input(), attempt.context)
    (output,) = [vars(record)["output"] for record in caplog.records if "output" in vars(record)]
    assert output.rstrip().endswith(("last words of native code", "first words"))
    assert "last words of native code" in output
    assert len(output) <= 16 * 1024


def test_a_handler_in_this_process_is_stopped_at_its_checkpoint(runner: TaskRunner, attempt: Attempt) -> None:
    short = definition(handlers.work_in_steps, isolated=False, time_limit=timedelta(seconds=0.05))
    with pytest.raises(AppError) as caught:
        runner(short, Input(), attempt.context)
    assert caught.value.code == "TASK_TIMEOUT"
