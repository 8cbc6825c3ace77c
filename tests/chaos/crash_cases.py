"""What is going on when the host dies at each crash point, and how it must end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.chaos.doomed_host import DoomedHost
from tools.lab.stumbling import Stumble

Work = Callable[[DoomedHost], None]


@dataclass(frozen=True, slots=True)
class CrashCase:
    """`work` orders nothing itself: the order stands when it begins, but for what `prepare` does."""

    work: Work
    visit: int = 1
    prepare: Work = field(default=lambda host: None)


def _job(host: DoomedHost) -> None:
    host.expect_job(host.submit_three_stages(), "completed")


def _stumbling_job(host: DoomedHost) -> None:
    host.expect_job(host.submit_stumbling(Stumble.TRANSIENT), "completed")


def _failing_job(host: DoomedHost) -> None:
    host.expect_job(host.submit_stumbling(Stumble.PERMANENT), "failed")


def _left_behind(host: DoomedHost) -> None:
    """A job, and a promise that no relay remembers."""
    job_id = host.submit_three_stages()
    host.leave_promise_behind(job_id)
    host.expect_job(job_id, "completed")


def _slow_job(host: DoomedHost) -> None:
    host.remember(host.submit_three_stages(milliseconds=3000))


def _failed_job(host: DoomedHost) -> None:
    job_id = host.submit_stumbling(Stumble.PERMANENT)
    host.expect_job(job_id, "failed")
    host.remember(job_id)


def _cancel(host: DoomedHost) -> None:
    host.order(f"api/jobs/{host.remembered}/cancel")
    host.expect_job(host.remembered, "cancelled")


def _retry(host: DoomedHost) -> None:
    host.order(f"api/jobs/{host.remembered}/retry")
    host.expect_job(host.remembered, "completed")


def _retry_task(host: DoomedHost) -> None:
    host.order(f"api/jobs/{host.remembered}/tasks/{host.failed_task(host.remembered)}/retry")
    host.expect_job(host.remembered, "completed")


def _request(host: DoomedHost, *, data_type: str, status: str) -> None:
    host.expect_request(host.submit_request(data_type), status)


_vector = partial(_request, data_type="vector", status="completed")
_raster = partial(_request, data_type="raster", status="completed")
_not_a_vector = partial(_request, data_type="broken", status="failed")

CASES = {
    # the second: the first is the submission, which its client would have to repeat
    "before_commit": CrashCase(_job, visit=2),
    "after_commit_before_send": CrashCase(_job),
    "after_statement_before_send": CrashCase(_job),
    "relay_after_read_before_send": CrashCase(_job),
    "relay_after_send_before_delete": CrashCase(_job),
    "sweep_after_read_before_send": CrashCase(_left_behind),
    "sweep_after_send_before_delete": CrashCase(_left_behind),
    "dispatcher_before_release_commit": CrashCase(_job),
    "dispatcher_after_release_commit": CrashCase(_job, visit=2),
    "task_before_claim": CrashCase(_job),
    "task_after_claim": CrashCase(_job, visit=2),
    "task_after_handler_before_finish": CrashCase(_job),
    "task_after_failure_before_finish": CrashCase(_stumbling_job),
    "task_after_finish_before_completion": CrashCase(_job, visit=3),
    "job_message_before_completion": CrashCase(_job, visit=2),
    "stage_planned_before_commit": CrashCase(_job, visit=2),
    "stage_advanced_before_wake": CrashCase(_job, visit=2),
    "job_finalized_before_commit": CrashCase(_job),
    "job_failed_before_commit": CrashCase(_failing_job),
    "cancel_after_commit": CrashCase(_cancel, prepare=_slow_job),
    "retry_after_commit_before_wake": CrashCase(_retry, prepare=_failed_job),
    "retry_task_after_commit_before_wake": CrashCase(_retry_task, prepare=_failed_job),
    "janitor_between_duties": CrashCase(_job, visit=3),
    "request_before_commit": CrashCase(_vector),
    "request_after_commit_before_answer": CrashCase(_vector),
    "request_advanced_before_commit": CrashCase(_vector),
    "request_failed_before_commit": CrashCase(_not_a_vector),
    "request_published_before_commit": CrashCase(_vector),
    "request_moved_after_commit": CrashCase(_vector, visit=2),
    "table_announced_before_made": CrashCase(_vector),
    "table_made_before_recorded": CrashCase(_vector),
    "chunk_sent_before_committed": CrashCase(_vector),
    "chunk_loaded_before_recorded": CrashCase(_vector),
    "table_filled_before_finished": CrashCase(_vector),
    "blob_announced_before_made": CrashCase(_raster),
    "blob_made_before_recorded": CrashCase(_raster),
}
