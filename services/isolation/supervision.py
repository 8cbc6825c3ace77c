"""The host watches one child: hears its progress, its records and its end, and ends it when it must."""

import contextlib
import json
import logging
import math
import os
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.context import TaskContext
from services.isolation.deaths import Death, Ended
from services.isolation.limits import oom_kills
from services.isolation.log_records import emit_here
from services.isolation.nursery import Child
from services.isolation.orders import MAX_WORD_BYTES, STOP

LOG = logging.getLogger(__name__)

# Whether the task is cancelled can only be asked for: that is how often.
_LOOK_SECONDS = 0.5
_OUTPUT_BYTES = 16 * 1024
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Graces:
    """How long a child may take to stop when asked, to end when told, and to die when killed."""

    stop_seconds: float = 5.0
    terminate_seconds: float = 2.0
    die_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class HostEnds:
    """The host's ends of what leads to a child."""

    channel: socket.socket
    output: int
    status: int


class Supervision:
    """One child from its birth to its death. One thread waits in it, on everything at once."""

    def __init__(
        self, child: Child, ends: HostEnds, *, context: TaskContext, deadline: float, graces: Graces
    ) -> None:
        self._child = child
        self._ends = ends
        self._context = context
        self._deadline = deadline
        self._graces = graces
        self._ids = {"job_id": context.job_id, "task_id": context.task_id, "attempt": context.attempt}
        self._ended: Ended | None = None
        self._steps: deque[tuple[float, int]] = deque()
        self._give_up_at = math.inf
        self._news = b""
        self._output = bytearray()
        self._oom_kills = oom_kills()
        self._is_over = False

    def run(self) -> Death:
        """Wait for the end of the child, and bring it about if the time is over or the task cancelled."""
        try:
            self._watch()
        except BaseException:
            self._child.signal(signal.SIGKILL)
            raise
        death = Death(
            status=self._told("status"),
            ended=self._ended,
            oom_kills=oom_kills() - self._oom_kills,
            output=bytes(self._output),
        )
        self._log_output(death)
        return death

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._ends.channel, selectors.EVENT_READ, self._hear)
            selector.register(self._ends.output, selectors.EVENT_READ, self._keep_output)
            selector.register(self._ends.status, selectors.EVENT_READ, self._take_note)
            while not self._is_over:
                for event, _ in selector.select(self._patience()):
                    if not event.data():
                        selector.unregister(event.fileobj)
                self._escalate()
            self._drain(selector)

    def _drain(self, selector: selectors.BaseSelector) -> None:
        """Hear what was said before the end. What still comes after a second comes from something else."""
        until = time.monotonic() + 1.0
        while selector.get_map() and time.monotonic() < until:
            events = selector.select(0)
            if not events:
                return
            for event, _ in events:
                if not event.data():
                    selector.unregister(event.fileobj)

    # -- what the child says: each returns False when that way has come to its end

    def _hear(self) -> bool:
        try:
            word = self._ends.channel.recv(MAX_WORD_BYTES)
        except ConnectionError:
            return False
        if word:
            self._understand(word)
        return bool(word)

    def _understand(self, word: bytes) -> None:
        try:
            message: Mapping[str, Any] = json.loads(word)
            if "progress" in message:
                self._context.report(float(message["progress"]))
            else:
                emit_here(message["log"], ids=self._ids)
        except (KeyError, TypeError, ValueError):
            LOG.warning("a child spoke gibberish", extra={"action": "child_gibberish", **self._ids})

    def _keep_output(self) -> bool:
        """Keep the end of it: what a library says before it dies comes last."""
        printed = os.read(self._ends.output, _READ_BYTES)
        self._output += printed
        del self._output[:-_OUTPUT_BYTES]
        return bool(printed)

    def _take_note(self) -> bool:
        """The nursery closes this pipe when the child is buried; the kernel, when the nursery died."""
        news = os.read(self._ends.status, _READ_BYTES)
        self._news += news
        self._is_over = not news
        if not news and self._told("status") is None:
            self._kill_orphans()
        return bool(news)

    def _told(self, what: str) -> int | None:
        found = [json.loads(line).get(what) for line in self._news.splitlines() if line.endswith(b"}")]
        return next((value for value in found if value is not None), None)

    def _kill_orphans(self) -> None:
        """The nursery is gone and the child with it; what the child had started has nobody else."""
        if (pid := self._told("pid")) is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    # -- ending it

    def _patience(self) -> float:
        """Seconds until the next thing to do."""
        if self._ended is None:
            due = min(self._deadline, time.monotonic() + _LOOK_SECONDS)
        else:
            due = self._steps[0][0] if self._steps else self._give_up_at
        return max(0.0, due - time.monotonic())

    def _escalate(self) -> None:
        now = time.monotonic()
        if self._ended is None:
            self._look(now)
        while self._steps and self._steps[0][0] <= now:
            self._child.signal(self._steps.popleft()[1])
        if now >= self._give_up_at:
            LOG.error("a child cannot be killed", extra={"action": "child_unkillable", **self._ids})
            self._is_over = True

    def _look(self, now: float) -> None:
        """Is there a reason to end the child?"""
        if self._context.is_cancelled():
            with contextlib.suppress(OSError):
                self._ends.channel.send(STOP, socket.MSG_DONTWAIT)
            self._end(Ended.CANCELLED, at=now + self._graces.stop_seconds)
        elif now >= self._deadline:
            self._end(Ended.TIMEOUT, at=now)

    def _end(self, reason: Ended, *, at: float) -> None:
        self._ended = reason
        kill_at = at + self._graces.terminate_seconds
        self._steps.extend([(at, signal.SIGTERM), (kill_at, signal.SIGKILL)])
        self._give_up_at = kill_at + self._graces.die_seconds
        LOG.info("ending a child", extra={"action": "child_ending", "reason": reason.value, **self._ids})

    def _log_output(self, death: Death) -> None:
        if self._output:
            LOG.log(
                logging.INFO if death.is_natural else logging.WARNING,
                "output of the task's process",
                extra={
                    "action": "child_output",
                    "output": self._output.decode(errors="replace"),
                    **self._ids,
                },
            )
