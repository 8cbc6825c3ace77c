"""What PostgreSQL says against a table of features, as errors of a task."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from core.errors import PermanentTaskError, TransientError, Unavailable

_PLACE = re.compile(r"^COPY \S+, line (?P<row>\d+)(?:, column (?P<column>[^:\s]+))?")


@contextmanager
def outages() -> Iterator[None]:
    """Raises `TransientError` where another try may succeed: around a connection."""
    try:
        yield
    except Unavailable as exc:
        raise TransientError(exc.message, code=exc.code, remedy=exc.remedy) from exc


@contextmanager
def refusals() -> Iterator[None]:
    """Raises `PermanentTaskError` where the data is at fault: inside the block of a connection."""
    try:
        yield
    except psycopg.errors.UndefinedTable as exc:
        raise PermanentTaskError(
            "The staging table is gone: its request has ended.",
            code="STAGING_TABLE_GONE",
            remedy="Submit the file again.",
        ) from exc
    except psycopg.errors.UniqueViolation as exc:
        raise PermanentTaskError(
            "Two features have the same id.",
            code="DUPLICATE_ID",
            remedy="Name another id_column, or none.",
            context={"detail": exc.diag.message_detail or ""},
        ) from exc
    except (psycopg.DataError, psycopg.InternalError, psycopg.errors.ProgramLimitExceeded) as exc:
        raise _refused(exc) from exc


def _refused(exc: psycopg.Error) -> PermanentTaskError:
    place = _PLACE.match(exc.diag.context or "")
    return PermanentTaskError(
        "The database cannot hold a value of the source.",
        code="VALUE_REFUSED",
        remedy="Correct or remove the value; the context names it.",
        context={
            "sqlstate": exc.sqlstate or "",
            "reason": (exc.diag.message_primary or str(exc))[:200],
            **({name: value for name, value in place.groupdict().items() if value} if place else {}),
        },
    )
