"""The figures of a status, and the extent of a STAC collection."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRequest
from geo_platform.listing import decode_cursor, encode_cursor
from geo_platform.stac_builder import extended
from geo_platform.status import estimate_from, estimated_completion, job_share, percent_of
from infrastructure.repositories.request_jobs import OpenStage, StepJob
from infrastructure.repositories.requests import Durations

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def job(total_stages: int) -> StepJob:
    return StepJob(0, "j", "type", "processing", 1, total_stages, None, None, NOW, None)


@pytest.mark.parametrize(
    ("stage", "share"),
    [
        (None, 0.0),
        (OpenStage(1, "a", "open", 10, 0, 0.0), 0.0),
        (OpenStage(1, "a", "open", 10, 5, 5.0), 0.125),
        (OpenStage(2, "b", "open", 4, 1, 1.5), 0.34375),
        (OpenStage(4, "d", "closed", 0, 0, 0.0), 1.0),
    ],
)
def test_a_job_is_as_far_as_its_stages_and_tasks(stage: OpenStage | None, share: float) -> None:
    assert job_share(job(4), stage) == share


@given(st.integers(0, 3), st.integers(1, 4), st.floats(0, 1))
def test_a_running_request_is_never_complete(done: int, total: int, share: float) -> None:
    assert 0 <= percent_of(steps_completed=min(done, total), total_steps=total, share=share) <= 99


def test_an_estimate_needs_a_history() -> None:
    assert estimate_from(Durations(0, None, None)) is None
    assert estimate_from(Durations(2, 1.0, 2.0)) is None
    estimate = estimate_from(Durations(3, 60.0, 90.0))
    assert estimate
    assert estimated_completion(estimate, created_at=NOW, now=NOW) == NOW + timedelta(seconds=60)
    assert estimated_completion(estimate, created_at=NOW, now=NOW + timedelta(seconds=61)) is None
    assert estimated_completion(None, created_at=NOW, now=NOW) is None


@given(st.datetimes(timezones=st.just(UTC)), st.from_regex("[0-9a-f]{32}", fullmatch=True))
def test_a_cursor_comes_back_as_it_went(moment: datetime, request_id: str) -> None:
    assert decode_cursor(encode_cursor((moment, request_id))) == (moment, request_id)


@given(st.text(max_size=40))
def test_a_foreign_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_cursor(text)


def item(bbox: list[float] | None, moment: str | None = "2026-01-02T00:00:00Z") -> dict[str, Any]:
    return {"bbox": bbox, "properties": {"datetime": moment}}


def stored(bbox: list[float], interval: list[str | None]) -> dict[str, Any]:
    return {"extent": {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [interval]}}}


@pytest.mark.parametrize(
    ("before", "added", "bbox"),
    [
        (None, [1, 2, 3, 4], [1, 2, 3, 4]),
        ([0, 0, 1, 1], [1, 2, 3, 4], [0, 0, 3, 4]),
        (None, [170, -20, -170, -10], [170, -20, -170, -10]),
        ([0, 0, 1, 1], [170, -20, -170, -10], [-180, -20, 180, 1]),
        (None, [1, 2, -5, 3, 4, 9], [1, 2, 3, 4]),
    ],
)
def test_an_extent_holds_what_it_held_and_the_item(
    before: list[float] | None, added: list[float], bbox: list[float]
) -> None:
    known = stored(before, ["2025-01-01T00:00:00Z", "2025-06-01T00:00:00Z"]) if before else None
    extent = extended({"id": "c"}, stored=known, item=item(added))["extent"]
    assert extent["spatial"]["bbox"] == [bbox]
    start = "2025-01-01T00:00:00Z" if before else "2026-01-02T00:00:00Z"
    assert extent["temporal"]["interval"] == [[start, "2026-01-02T00:00:00Z"]]


def test_an_open_end_stays_open_and_no_place_changes_nothing() -> None:
    known = stored([0, 0, 1, 1], [None, "2025-06-01T00:00:00Z"])
    extent = extended({"id": "c"}, stored=known, item=item([0, 0, 1, 1]))["extent"]
    assert extent["temporal"]["interval"] == [[None, "2026-01-02T00:00:00Z"]]
    assert extended({"id": "c", "extent": "as it was"}, stored=None, item=item(None))["extent"] == "as it was"
