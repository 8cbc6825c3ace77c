"""The figures of a status, and the extent of a STAC collection."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRequest
from core.models.stage import Parallelism, Stage
from geo_platform.listing import decode_cursor, encode_cursor
from geo_platform.plan_context import ChainStep
from geo_platform.progress import job_share, message_of, percent_of
from geo_platform.stac_builder import extended
from geo_platform.status import estimate_from, estimated_completion
from infrastructure.repositories.request_jobs import Features, OpenStage
from infrastructure.repositories.requests import Durations

NOW = datetime(2026, 1, 2, tzinfo=UTC)


STAGES = (
    Stage(1, "plan", "p"),
    Stage(2, "create", "c", Parallelism.FAN_OUT, noun="tile", activity="Creating tile COGs"),
    Stage(3, "gather", "g", activity="Creating the mosaic"),
)


def stage(number: int, task_count: int, **figures: Any) -> OpenStage:
    """Nothing of it is done, unless `figures` say so."""
    values: dict[str, Any] = {
        "name": STAGES[number - 1].name,
        "task_type": STAGES[number - 1].task_type,
        "status": "open",
        "finished_count": 0,
        "failed_count": 0,
        "running_count": 1,
        "retrying_count": 0,
        "finished_share": 0.0,
    }
    return OpenStage(number=number, task_count=task_count, **(values | figures))


@pytest.mark.parametrize(
    ("at", "share"),
    [
        (None, 0.0),
        (stage(1, 1), 0.0),
        (stage(1, 1, finished_share=0.5), 0.05),
        (stage(2, 4, finished_share=0.0), 0.1),
        (stage(2, 4, finished_share=1.5), 0.1 + 0.8 * 1.5 / 4),
        (stage(3, 1), 0.9),
        (stage(3, 0, status="closed"), 1.0),
    ],
)
def test_a_job_is_as_far_as_its_stages_and_tasks(at: OpenStage | None, share: float) -> None:
    assert job_share(at, STAGES) == pytest.approx(share)


def test_a_job_type_that_is_not_known_has_figures_all_the_same() -> None:
    assert job_share(stage(2, 4, finished_share=2.0), ()) == pytest.approx(0.75)
    assert message_of("new_job", stage(2, 4, finished_count=2), ()) == "new_job: create: task 3 of 4"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (stage(2, 204, finished_count=130), "Creating tile COGs: tile 131 of 204"),
        (stage(2, 204, finished_count=130, failed_count=2), "Creating tile COGs: tile 131 of 204, 2 failed"),
        (stage(2, 4, running_count=0), "Creating tile COGs: tile 1 of 4 (waiting for a worker)"),
        (
            stage(2, 4, finished_count=3, running_count=0, retrying_count=1),
            "Creating tile COGs: tile 4 of 4 (waiting to try again)",
        ),
        (stage(2, 4, finished_count=4, running_count=0, status="closed"), "Creating tile COGs: tile 4 of 4"),
        (stage(3, 1), "Creating the mosaic"),
        (stage(3, 1, finished_share=0.42), "Creating the mosaic: 42 %"),
        (stage(3, 1, running_count=0), "Creating the mosaic (waiting for a worker)"),
        (stage(1, 1), "job: plan"),
    ],
)
def test_the_message_says_what_is_going_on(at: OpenStage, text: str) -> None:
    assert message_of("job", at, STAGES) == text


@pytest.mark.parametrize(
    ("features", "running", "text"),
    [
        (Features(2_000_000, 1_250_000), 1, "Creating tile COGs: 1,250,000 of 2,000,000"),
        (Features(10, 0), 0, "Creating tile COGs: 0 of 10 (waiting for a worker)"),
        (Features(0, 0), 1, "Creating tile COGs: tile 3 of 31"),
        (None, 1, "Creating tile COGs: tile 3 of 31"),
    ],
)
def test_features_say_more_than_tasks(features: Features | None, running: int, text: str) -> None:
    at = stage(2, 31, finished_count=2, running_count=running)
    assert message_of("job", at, STAGES, features=features) == text


@given(st.integers(0, 2), st.floats(0, 1))
def test_a_running_request_is_never_complete(step: int, share: float) -> None:
    chain = tuple(ChainStep(name) for name in ("validate_raster", "process_raster", "stac_catalog_raster"))
    assert 0 <= percent_of(chain, step=step, share=share) <= 99


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
