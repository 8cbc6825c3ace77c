"""FlatGeobuf: whole to its last byte."""

import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio
import pytest
import shapely

from tests.unit.vector.conftest import Admit, Read, Refusal
from tests.vectors import points


def flatgeobuf(
    directory: Path, count: int = 50, columns: dict[str, pa.Array] | None = None, **options: Any
) -> bytes:
    attributes = columns or {"n": list(range(count))}
    table = pa.table({**attributes, "geom": shapely.to_wkb(points(count))})
    path = directory / "made.fgb"
    pyogrio.write_arrow(
        table,
        path,
        driver="FlatGeobuf",
        geometry_name="geom",
        geometry_type="Point",
        crs="EPSG:4326",
        **options,
    )
    return path.read_bytes()


@pytest.fixture(params=["YES", "NO"], ids=["indexed", "plain"])
def content(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    return flatgeobuf(tmp_path, SPATIAL_INDEX=request.param)


def test_a_whole_file(read: Read, content: bytes) -> None:
    found = read("a.fgb", content)

    assert (found.crs, sorted(found.column("n"))) == ("EPSG:4326", list(range(50)))


def test_features_are_counted_without_gdal(admitted: Admit, content: bytes) -> None:
    (layer,) = admitted("a.fgb", content)

    assert layer.census.feature_count == 50


def test_a_single_feature(read: Read, tmp_path: Path) -> None:
    assert read("a.fgb", flatgeobuf(tmp_path, 1)).rows.num_rows == 1


def test_a_large_index_of_many_levels(read: Read, tmp_path: Path) -> None:
    assert read("a.fgb", flatgeobuf(tmp_path, 5_000)).rows.num_rows == 5_000


@pytest.mark.parametrize("cut", [1, 60, 500, 3_000])
def test_a_file_that_is_cut_off_never_passes(refusal: Refusal, content: bytes, cut: int) -> None:
    assert refusal("a.fgb", content[:-cut]).code in ("GEOMETRY_UNREADABLE", "CONTENT_MISMATCH")


@pytest.mark.parametrize("kept", [8, 12, 40])
def test_a_header_that_is_cut_off(refusal: Refusal, content: bytes, kept: int) -> None:
    assert refusal("a.fgb", content[:kept]).code == "CONTENT_MISMATCH"


@pytest.mark.parametrize("header", [b"\xff" * 64, struct.pack("<I", 2**31) + b"\0" * 60, b"\0" * 64])
def test_a_header_of_nonsense(refusal: Refusal, content: bytes, header: bytes) -> None:
    assert refusal("a.fgb", content[:12] + header + content[76:]).code == "CONTENT_MISMATCH"


def test_a_damaged_feature_is_heard(refusal: Refusal, tmp_path: Path) -> None:
    content = bytearray(flatgeobuf(tmp_path, SPATIAL_INDEX="NO"))
    content[-60:-40] = b"\xff" * 20

    assert refusal("a.fgb", bytes(content)).code == "GEOMETRY_UNREADABLE"


def test_another_layer_than_the_only_one(refusal: Refusal, content: bytes) -> None:
    assert refusal("a.fgb", content, layers=["b"]).code == "LAYER_NOT_FOUND"


# -- times ----------------------------------------------------------------------------------------------

WRITTEN = "2024-02-29T12:30:15.250"
FIRST, SECOND = "t_1", "t_2"


def with_times(directory: Path, text: str, *, second: str = SECOND) -> bytes:
    """Two columns of times, with `text` and `WRITTEN`, and then null; the second one has that name."""
    times = pa.array([datetime.fromisoformat(WRITTEN), None], pa.timestamp("ms"))
    columns = {FIRST: times, SECOND: times, "n_1": pa.array([1, 2])}
    content = flatgeobuf(directory, 2, columns, SPATIAL_INDEX="NO")
    assert len(text) == len(WRITTEN)
    assert content.count(WRITTEN.encode()) == 2
    return content.replace(WRITTEN.encode(), text.encode(), 1).replace(SECOND.encode(), second.encode())


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-30T12:30:15.250",
        "2024-02-29T25:30:15.250",
        "2024-02-29T12:30:15.25 ",
        "2024-02-29 12:30:1.1234",
        "at some time or another",
    ],
)
def test_times_that_the_reader_would_change(refusal: Refusal, tmp_path: Path, text: str) -> None:
    error = refusal("a.fgb", with_times(tmp_path, text))

    assert (error.code, error.context["value_by_column"]) == ("CONTENT_MISMATCH", {FIRST: text})


@pytest.mark.parametrize(
    ("second", "name"), [(SECOND, SECOND), (FIRST, "t_1_2"), ("T_1", "T_1"), ("n_1", "n_1")]
)
def test_zones_of_times_whose_columns_have_one_name(
    read: Read, tmp_path: Path, second: str, name: str
) -> None:
    found = read("a.fgb", with_times(tmp_path, "2024-02-29T12:30:15.25Z", second=second))
    moment = datetime.fromisoformat(WRITTEN)

    assert found.column(FIRST) == [moment.replace(tzinfo=UTC), None]
    assert found.column(name) == [moment, None]
