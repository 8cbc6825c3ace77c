"""Names and first bytes."""

import pytest

from core.errors import PermanentTaskError
from services.vector.admission import declared_format
from tests.unit.vector.conftest import Inspect, Refusal
from tests.vectors import geojson, points, zipped

SQLITE = b"SQLite format 3\0".ljust(68, b"\0")


@pytest.mark.parametrize("name", ["a.tif", "a.shp", "a.kml", "a.csv", "a", "a.gpkg.exe"])
def test_other_names_are_not_supported(name: str) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        declared_format(f"azure://bronze/{name}")

    assert caught.value.code == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.zip"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\0tiff",
        b"<OGRVRTDataSource/>",
        b"<!DOCTYPE x>",
        b"[1, 2]",
        b"id,wkt\n1,POINT (1 2)\n",
        SQLITE,  # an SQLite file that is no GeoPackage
    ],
)
def test_content_that_is_not_what_the_name_says(refusal: Refusal, name: str, content: bytes) -> None:
    assert refusal(name, content).code == "CONTENT_MISMATCH"


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.gpkg", geojson(points(1))), ("a.geojson", zipped({})), ("a.zip", SQLITE + b"GPKG")],
)
def test_one_good_format_under_the_name_of_another(refusal: Refusal, name: str, content: bytes) -> None:
    assert refusal(name, content).code == "CONTENT_MISMATCH"


def test_extensions_in_capitals(inspected: Inspect) -> None:
    assert inspected("A.GeoJSON", geojson(points(1))).feature_count == 1
