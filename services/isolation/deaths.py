"""Why a child died, as far as can be told."""

import os
import re
import signal
from dataclasses import dataclass
from enum import StrEnum

from core.errors import TaskCancelled, TaskError, TransientError
from services.context import timed_out
from services.isolation.faults import out_of_memory

_MEMORY_WORDS = re.compile(rb"bad_alloc|out of memory|cannot allocate", re.IGNORECASE)


class Ended(StrEnum):
    """Why the host ended a child."""

    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Death:
    """How a child ended. `status` is that of wait(2); None when nobody saw the end, or it has not come.

    `ended` tells whether the host wanted it; `oom_kills` how many processes the kernel killed for want of
    memory meanwhile, anywhere; `output` the last that the child printed.
    """

    status: int | None
    ended: Ended | None = None
    oom_kills: int = 0
    output: bytes = b""

    @property
    def is_natural(self) -> bool:
        """True when the child ended by itself and in order: it has left an answer."""
        return self.status == 0

    @property
    def signal_name(self) -> str | None:
        """The signal that killed it."""
        if self.status is None or not os.WIFSIGNALED(self.status):
            return None
        number = os.WTERMSIG(self.status)
        try:
            return signal.Signals(number).name
        except ValueError:
            return f"signal {number}"


def cause(death: Death) -> TaskError:
    """The error of the attempt that this child was."""
    if death.ended is Ended.TIMEOUT:
        return timed_out()
    if death.ended is Ended.CANCELLED:
        return TaskCancelled("the task was told to stop")
    if _is_out_of_memory(death):
        return out_of_memory()
    return _crash(death)


def _is_out_of_memory(death: Death) -> bool:
    """Killed while the kernel was killing for memory, or aborted by a library that could get none."""
    if death.signal_name == "SIGKILL":
        return death.oom_kills > 0
    return death.signal_name == "SIGABRT" and bool(_MEMORY_WORDS.search(death.output))


def _crash(death: Death) -> TransientError:
    context: dict[str, str | int] = {}
    if death.signal_name:
        how, context = f"was killed by {death.signal_name}", {"signal": death.signal_name}
    elif death.status is None:
        how = "was lost"
    else:
        code = os.waitstatus_to_exitcode(death.status)
        how, context = f"ended without an answer, with exit code {code}", {"exit_code": code}
    return TransientError(
        f"The process of the task {how}.",
        code="WORKER_CRASHED",
        remedy="It is tried again; if it persists, the data may be damaged: give support the task's id.",
        context=context,
    )
