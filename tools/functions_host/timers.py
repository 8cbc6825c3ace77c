"""Timer triggers of one host: each function in a loop of its own, never two of its runs at once.

Only the first worker process runs timers. Occurrences that pass while a run lasts are made up for by one run
with `past_due` set, and so are those missed while the host was down, when a state file remembers them
(`use_monitor=False` opts a function out).
"""

import asyncio
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from azure.functions.meta import Datum
from azure.functions.timer import TimerRequest, TimerRequestConverter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.functions_host.function_index import FunctionSpec
from tools.functions_host.invocation import InvocationFailed, Invoker
from tools.functions_host.schedules import Schedule

_logger = logging.getLogger("functions_host.timers")


class TimerState(BaseModel):
    """The next occurrence of each timer, as last known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    next_due: dict[str, datetime] = Field(default_factory=dict)


class TimerMonitor:
    """Remembers next occurrences over restarts when it has a file; forgets them when it has none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._next_due = dict(_read(path).next_due) if path else {}

    def due(self, function: str) -> datetime | None:
        """The occurrence that `function` was last waiting for."""
        return self._next_due.get(function)

    def remember(self, function: str, due: datetime) -> None:
        """Write down that `function` waits for `due`."""
        self._next_due[function] = due
        if self._path is not None:
            scratch = self._path.with_suffix(".tmp")
            scratch.write_text(TimerState(next_due=self._next_due).model_dump_json(), encoding="utf-8")
            scratch.replace(self._path)


def _read(path: Path) -> TimerState:
    try:
        return TimerState.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return TimerState()
    except ValidationError as exc:
        _logger.warning(
            "%s is unreadable and starts anew: %s", path, exc, extra={"action": "timer_state_reset"}
        )
        return TimerState()


class Timer:
    """One timer function. Start `run` as a task; `stop` ends it after the run in progress."""

    def __init__(
        self, spec: FunctionSpec, schedule: Schedule, invoker: Invoker, monitor: TimerMonitor
    ) -> None:
        self._spec, self._schedule, self._invoker = spec, schedule, invoker
        self._monitor = monitor if spec.trigger.use_monitor is not False else TimerMonitor(None)
        self._stopping = asyncio.Event()
        self._last: datetime | None = None

    def stop(self) -> None:
        """Start no further run."""
        self._stopping.set()

    async def run(self) -> None:
        """Run the function at each occurrence until `stop`."""
        now = datetime.now(UTC)
        missed = self._monitor.due(self._spec.name)
        if missed is not None and missed <= now:
            await self._invoke(past_due=True)
        elif self._spec.trigger.run_on_startup:
            await self._invoke(past_due=False)
        due = self._schedule(now)
        while not self._stopping.is_set():
            self._monitor.remember(self._spec.name, due)
            late = due < datetime.now(UTC)
            if await self._stopped_before(due):
                return
            await self._invoke(past_due=late)
            due = self._following(due)

    def _following(self, due: datetime) -> datetime:
        """The next occurrence; one moment in the past stands for all that passed during the run."""
        following, now = self._schedule(due), datetime.now(UTC)
        return following if following >= now else now

    async def _stopped_before(self, due: datetime) -> bool:
        """Sleep until `due`; the clock is read again, since a sleep may end early or the clock be set."""
        while (seconds := (due - datetime.now(UTC)).total_seconds()) > 0:
            try:
                await asyncio.wait_for(self._stopping.wait(), min(seconds, 60.0))
            except TimeoutError:
                continue
            return True
        return self._stopping.is_set()

    async def _invoke(self, *, past_due: bool) -> None:
        request = _request(past_due=past_due, last=self._last, following=self._schedule(datetime.now(UTC)))
        self._last = datetime.now(UTC)
        try:
            await self._invoker.invoke(self._spec, request)
        except InvocationFailed:
            return  # logged where it happened; a timer has no message to give back


def _request(*, past_due: bool, last: datetime | None, following: datetime) -> TimerRequest:
    info = {
        "IsPastDue": past_due,
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {
            "Last": last.isoformat() if last else "0001-01-01T00:00:00+00:00",
            "LastUpdated": last.isoformat() if last else "0001-01-01T00:00:00+00:00",
            "Next": following.isoformat(),
        },
    }
    return TimerRequestConverter.decode(Datum(json.dumps(info), "json"), trigger_metadata=None)
