"""NCRONTAB schedules and intervals."""

from datetime import UTC, datetime, timedelta

import pytest

from tools.functions_host.errors import IndexingError
from tools.functions_host.schedules import parse_schedule

FRIDAY = datetime(2026, 11, 20, 21, 0, 0, 500, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 */5 * * * *", datetime(2026, 11, 20, 21, 5, tzinfo=UTC)),
        ("*/10 * * * * *", datetime(2026, 11, 20, 21, 0, 10, tzinfo=UTC)),
        ("30 0 * * * *", datetime(2026, 11, 20, 21, 0, 30, tzinfo=UTC)),
        ("0 30 9 * * MON-FRI", datetime(2026, 11, 23, 9, 30, tzinfo=UTC)),
        ("0 0 0 * * 0", datetime(2026, 11, 22, tzinfo=UTC)),
        ("15 * * * *", datetime(2026, 11, 20, 21, 15, tzinfo=UTC)),
        # Day of month and day of week must both match: the next Friday the 13th.
        ("0 0 0 13 * FRI", datetime(2027, 8, 13, tzinfo=UTC)),
        ("00:30:00", FRIDAY + timedelta(minutes=30)),
    ],
)
def test_the_next_occurrence(text: str, expected: datetime) -> None:
    assert parse_schedule(text, function="f")(FRIDAY) == expected


def test_an_occurrence_is_strictly_later() -> None:
    schedule = parse_schedule("0 0 * * * *", function="f")
    moment = datetime(2026, 11, 20, 21, tzinfo=UTC)
    assert schedule(moment) == moment + timedelta(hours=1)


@pytest.mark.parametrize("text", ["", "* * *", "60 * * * * *", "0 0 0 32 * *", "00:00:00", "a b c d e f"])
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(IndexingError):
        parse_schedule(text, function="f")
