"""FlatGeobuf: whole to its last byte."""

import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio
import pytest
import shapely

from tests.unit.vector.conftest import Admit, Read, Refusal
from tests.vectors import points


def flatgeobuf(directory: Path, count: int = 50, **options: Any) -> bytes:
    table = pa.table({"n": list(range(count)), "geom": shapely.to_wkb(points(count))})
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
