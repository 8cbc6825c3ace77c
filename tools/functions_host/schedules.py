"""Timer schedules: NCRONTAB expressions with seconds first, in UTC, and `hh:mm:ss` intervals.

Reference: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from croniter import croniter  # type: ignore[import-untyped]

from tools.functions_host.errors import IndexingError
from tools.functions_host.host_json import parse_timespan

Schedule = Callable[[datetime], datetime]
"""The first occurrence strictly after an aware UTC moment."""


def parse_schedule(text: str, *, function: str) -> Schedule:
    """The schedule that `text` describes. Raises IndexingError for anything else."""
    interval = parse_timespan(text)
    if isinstance(interval, timedelta):
        return _interval(interval, function=function)
    fields = text.split()
    if len(fields) not in (5, 6):
        raise IndexingError(f"{function}: {text!r} is neither an NCRONTAB expression nor hh:mm:ss")
    # Five fields lack the seconds; NCRONTAB then fires at second 0.
    expression = " ".join(fields if len(fields) == 6 else ["0", *fields])
    if not croniter.is_valid(expression, second_at_beginning=True):
        raise IndexingError(f"{function}: {text!r} is not an NCRONTAB expression")
    return lambda after: _next(expression, after)


def _next(expression: str, after: datetime) -> datetime:
    # NCRONTAB asks for both the day of the month and the day of the week; Unix cron for either.
    schedule = croniter(expression, after, ret_type=datetime, day_or=False, second_at_beginning=True)
    occurrence: datetime = schedule.get_next()
    return occurrence


def _interval(interval: timedelta, *, function: str) -> Schedule:
    if interval <= timedelta(0):
        raise IndexingError(f"{function}: an interval must be longer than zero")
    return lambda after: after + interval
