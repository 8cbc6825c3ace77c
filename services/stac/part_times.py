"""When a part of a mosaic was observed, where its name leaves no doubt."""

import re
from datetime import UTC, datetime, timedelta

from core.task_models.stac import StacParameters
from services.stac.items import rfc3339

_MOMENT = re.compile(r"(?<![0-9])([0-9]{8}T[0-9]{6})Z?(?![0-9])")
_DAY = re.compile(r"(?<![0-9])([0-9]{4}-[0-9]{2}-[0-9]{2})(?![0-9])")
_LAST_MOMENT_OF_DAY = timedelta(days=1) - timedelta(seconds=1)

Interval = tuple[datetime, datetime]


def observed(name: str) -> Interval | None:
    """The moment (twice) or the day that a file name tells: `20240131T101559` or `2024-01-31`, in UTC.

    Eight digits alone may be anything, and two different times may be of observation and production:
    then it is None, as nobody is served by a time that is perhaps right.
    """
    moments = {_parsed(text, "%Y%m%dT%H%M%S") for text in _MOMENT.findall(name)}
    if moments:
        moment = moments.pop()
        return None if moments or moment is None else (moment, moment)
    days = {_parsed(text, "%Y-%m-%d") for text in _DAY.findall(name)}
    if len(days) != 1:
        return None
    day = days.pop()
    return None if day is None else (day, day + _LAST_MOMENT_OF_DAY)


def time_properties(parameters: StacParameters, interval: Interval) -> dict[str, str | None] | None:
    """The properties of an item whose name tells its time; None where the client knows better.

    The client does with a moment, and with an interval that the name's time is not within.
    """
    start, end = interval
    if parameters.datetime is not None:
        return None
    given = (parameters.start_datetime, parameters.end_datetime)
    if given[0] and given[1] and not given[0] <= start <= end <= given[1]:
        return None
    source: dict[str, str | None] = {f"{parameters.namespace}:datetime_source": "name"}
    if start == end:
        return source | {"datetime": rfc3339(start)}
    return source | {"datetime": None, "start_datetime": rfc3339(start), "end_datetime": rfc3339(end)}


def _parsed(text: str, layout: str) -> datetime | None:
    try:
        return datetime.strptime(text, layout).replace(tzinfo=UTC)
    except ValueError:
        return None
