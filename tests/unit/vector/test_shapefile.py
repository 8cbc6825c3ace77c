"""Shapefiles: complete, whole, and counted before GDAL reads them."""

import struct
from pathlib import Path

import pytest
import shapely

from core.errors import PermanentTaskError
from services.vector import ogr, shapefile
from services.vector.inspect import inspect_layer
from services.vector.source import SourceLayer
from tests.unit.vector.conftest import Admit, Inspect, Refusal
from tests.vectors import (
    ONE_OF_EACH_TYPE,
    points,
    shapefile_parts,
    with_first_x,
    zipped,
    zipped_shapefile,
)


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, bytes]:
    return shapefile_parts(tmp_path, points(10), {"name": ["é"] * 10})


@pytest.mark.parametrize("suffix", [".shp", ".shx", ".dbf"])
@pytest.mark.parametrize("kept", [0.95, 0.5, 0.0])
def test_a_part_that_is_cut_off_never_passes(
    refusal: Refusal, parts: dict[str, bytes], suffix: str, kept: float
) -> None:
    cut = parts | {suffix: parts[suffix][: int(len(parts[suffix]) * kept)]}

    assert refusal("a.zip", zipped_shapefile(cut)).code == "GEOMETRY_UNREADABLE"


def test_a_shp_that_lies_about_its_length_is_heard_from_gdal(
    refusal: Refusal, parts: dict[str, bytes]
) -> None:
    """The second belt: header and index agree, and still the record is not what it says."""
    shp = bytearray(parts[".shp"])
    shp[100 + 8 : 100 + 12] = struct.pack("<i", 5)  # the first record says polygon, in a point file

    assert refusal("a.zip", zipped_shapefile(parts | {".shp": bytes(shp)})).code == "GEOMETRY_UNREADABLE"


def test_without_the_header_checks_gdal_would_still_be_heard(
    admitted: Admit, parts: dict[str, bytes]
) -> None:
    layer = admitted("a.zip", zipped_shapefile(parts))
    layer.path.write_bytes(parts[".shp"][:-100])

    with pytest.raises(PermanentTaskError, match="without loss") as caught:
        inspect_layer(layer, target_crs="EPSG:4326", progress=lambda _: None)
    assert "fread" in caught.value.context["messages"][0]


@pytest.mark.parametrize("x", [float("nan"), float("inf"), float("-inf")])
def test_coordinates_that_are_no_numbers_are_refused(
    refusal: Refusal, parts: dict[str, bytes], x: float
) -> None:
    broken = parts | {".shp": with_first_x(parts[".shp"], x)}

    assert refusal("a.zip", zipped_shapefile(broken)).code == "GEOMETRY_UNREADABLE"


def test_bytes_behind_the_declared_end_do_no_harm(inspected: Inspect, parts: dict[str, bytes]) -> None:
    longer = {suffix: part + b"\0" * 7 for suffix, part in parts.items() if suffix not in (".prj", ".cpg")}

    assert inspected("a.zip", zipped_shapefile(parts | longer)).feature_count == 10


def test_null_shapes_are_counted_and_kept(inspected: Inspect, tmp_path: Path) -> None:
    parts = shapefile_parts(tmp_path, [None, *points(2)], {"name": ["a", "b", "c"]})
    found = inspected("a.zip", zipped_shapefile(parts))

    assert (found.feature_count, found.null_geometry_count) == (3, 1)


@pytest.mark.parametrize("name", ["MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"])
def test_every_type_of_shape_is_read(inspected: Inspect, tmp_path: Path, name: str) -> None:
    parts = shapefile_parts(tmp_path, [ONE_OF_EACH_TYPE[name]] * 2, geometry_type=name)

    assert inspected("a.zip", zipped_shapefile(parts)).feature_count == 2


def test_shapes_with_heights(inspected: Inspect, tmp_path: Path) -> None:
    line = shapely.from_wkt("LINESTRING Z (0 0 1, 1 1 2)")
    parts = shapefile_parts(tmp_path, [line], geometry_type="LineString Z")

    assert inspected("a.zip", zipped_shapefile(parts)).shape.sql_type == "MultiLineStringZ"


@pytest.mark.parametrize("suffix", shapefile.REQUIRED[1:])
def test_a_missing_part_is_named(refusal: Refusal, parts: dict[str, bytes], suffix: str) -> None:
    del parts[suffix]
    error = refusal("a.zip", zipped_shapefile(parts))

    assert (error.code, error.context["missing"]) == ("CONTENT_MISMATCH", [suffix])


def test_no_prj_no_guess(refusal: Refusal, parts: dict[str, bytes]) -> None:
    del parts[".prj"]

    assert refusal("a.zip", zipped_shapefile(parts)).code == "CRS_MISSING"


def test_a_prj_that_is_no_crs(refusal: Refusal, parts: dict[str, bytes]) -> None:
    assert refusal("a.zip", zipped_shapefile(parts | {".prj": b"somewhere"})).code in (
        "CRS_MISSING",
        "CRS_UNKNOWN",
    )


def test_an_archive_without_a_shapefile(refusal: Refusal) -> None:
    assert refusal("a.zip", zipped({"readme.txt": b"hello"})).code == "UNSUPPORTED_FORMAT"


def test_one_of_several_is_chosen_by_name(admitted: Admit, refusal: Refusal, tmp_path: Path) -> None:
    one, two = shapefile_parts(tmp_path, points(1)), shapefile_parts(tmp_path, points(2))
    both = {f"one{k}": v for k, v in one.items()} | {f"two{k}": v for k, v in two.items()}

    assert admitted("a.zip", zipped(both), layer="two").census.feature_count == 2


def test_several_without_a_name_are_ambiguous(refusal: Refusal, parts: dict[str, bytes]) -> None:
    both = {f"{name}{suffix}": part for name in ("one", "two") for suffix, part in parts.items()}
    error = refusal("a.zip", zipped(both))

    assert (error.code, error.context["layers"]) == ("AMBIGUOUS_LAYER", ["one", "two"])


def test_an_unknown_layer_lists_the_known(refusal: Refusal, parts: dict[str, bytes]) -> None:
    error = refusal("a.zip", zipped_shapefile(parts), layer="roads")

    assert (error.code, error.context["layers"]) == ("LAYER_NOT_FOUND", ["places"])


def _texts(layer: SourceLayer) -> list[str]:
    with ogr.open_layer(layer) as stream:
        return [value for batch in stream.batches for value in batch.column("name").to_pylist()]


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "CP1252"])
def test_texts_are_read_in_the_encoding_of_the_cpg(admitted: Admit, tmp_path: Path, encoding: str) -> None:
    parts = shapefile_parts(tmp_path, points(1), {"name": ["Ünïcödé"]}, encoding=encoding)

    assert _texts(admitted("a.zip", zipped_shapefile(parts))) == ["Ünïcödé"]


def test_texts_without_a_cpg_are_latin_1_and_said_so(admitted: Admit, tmp_path: Path) -> None:
    parts = shapefile_parts(tmp_path, points(1), {"name": ["Ünïcödé"]}, encoding="ISO-8859-1")
    parts.pop(".cpg", None)
    layer = admitted("a.zip", zipped_shapefile(parts))

    assert _texts(layer) == ["Ünïcödé"]
    assert ".cpg" in layer.warnings[0]
