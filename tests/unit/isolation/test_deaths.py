"""What the end of a child says: a table of wait statuses and circumstances."""

import signal
from typing import Any

import pytest

from core.errors import TaskCancelled, TransientError
from services.isolation.deaths import Death, Ended, cause


@pytest.mark.parametrize(
    ("death", "code", "context"),
    [
        (Death(signal.SIGSEGV | 0x80), "WORKER_CRASHED", {"signal": "SIGSEGV"}),
        (Death(signal.SIGBUS), "WORKER_CRASHED", {"signal": "SIGBUS"}),
        (Death(40), "WORKER_CRASHED", {"signal": "signal 40"}),
        (Death(signal.SIGKILL), "WORKER_CRASHED", {"signal": "SIGKILL"}),
        (Death(signal.SIGKILL, oom_kills=1), "OUT_OF_MEMORY", {}),
        (Death(signal.SIGSEGV, oom_kills=1), "WORKER_CRASHED", {"signal": "SIGSEGV"}),
        (Death(signal.SIGABRT), "WORKER_CRASHED", {"signal": "SIGABRT"}),
        (Death(signal.SIGABRT, output=b"std::bad_alloc"), "OUT_OF_MEMORY", {}),
        (Death(signal.SIGABRT, output=b"FATAL: CPLMalloc(): Out of memory"), "OUT_OF_MEMORY", {}),
        (Death(signal.SIGKILL, ended=Ended.TIMEOUT, oom_kills=1), "TASK_TIMEOUT", {}),
        (Death(0), "WORKER_CRASHED", {"exit_code": 0}),
        (Death(4 << 8), "WORKER_CRASHED", {"exit_code": 4}),
        (Death(None), "WORKER_CRASHED", {}),
    ],
)
def test_a_death_has_a_cause_that_is_tried_again(death: Death, code: str, context: dict[str, Any]) -> None:
    error = cause(death)
    assert isinstance(error, TransientError)
    assert (error.code, dict(error.context)) == (code, context)
    assert error.remedy


def test_who_was_told_to_stop_was_cancelled() -> None:
    assert isinstance(cause(Death(signal.SIGKILL, ended=Ended.CANCELLED)), TaskCancelled)
