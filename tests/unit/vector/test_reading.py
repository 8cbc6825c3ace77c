"""What every part behind the reading can rely on, whatever the format."""

import struct
from pathlib import Path

import pyarrow as pa
import pytest
import shapely

from core.errors import PermanentTaskError
from core.task_models.vector import StepCount
from services.vector.losses import Losses
from services.vector.source import Census
from tests.unit.vector.conftest import Read, Refusal
from tests.vectors import edit_geopackage, geojson, points, write_geopackage

HEADER = struct.pack("<2sBBi", b"GP", 0, 1, 4326)
ARC = struct.pack("<BII6d", 1, 8, 3, 0, 0, 1, 1, 2, 0)  # CIRCULARSTRING (0 0, 1 1, 2 0)
ARC_ZM = struct.pack("<BII12d", 1, 3008, 3, 0, 0, 5, 9, 1, 1, 5, 9, 2, 0, 5, 9)
LINE = struct.pack("<BII4d", 1, 2, 2, 2, 0, 0, 0)  # LINESTRING (2 0, 0 0)
COMPOUND = struct.pack("<BII", 1, 9, 2) + ARC + LINE
CURVE_POLYGON = struct.pack("<BII", 1, 10, 1) + COMPOUND
TRIANGLE = struct.pack("<BIII8d", 1, 17, 1, 4, 0, 0, 1, 0, 0, 1, 0, 0)
TIN = struct.pack("<BII", 1, 16, 1) + TRIANGLE
SURFACE = struct.pack("<BII", 1, 15, 1) + struct.pack("<BIII8d", 1, 3, 1, 4, 0, 0, 1, 0, 0, 1, 0, 0)


def geopackage_of(directory: Path, wkb: bytes, *, count: int = 3) -> bytes:
    """A GeoPackage in which the second geometry is this one."""
    path = write_geopackage(directory / "made.gpkg", points(count), {"name": ["x"] * count})
    edit_geopackage(path, f"UPDATE data SET geom = x'{(HEADER + wkb).hex()}' WHERE fid = 2")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("wkb", "step", "type_name"),
    [
        (ARC, "curves", "LineString"),
        (COMPOUND, "curves", "LineString"),
        (CURVE_POLYGON, "curves", "Polygon"),
        (struct.pack("<BII", 1, 11, 1) + ARC, "curves", "MultiLineString"),
        (struct.pack("<BII", 1, 12, 1) + CURVE_POLYGON, "curves", "MultiPolygon"),
        (struct.pack("<BII", 1, 7, 1) + CURVE_POLYGON, "curves", "GeometryCollection"),
        (TIN, "surfaces", "MultiPolygon"),
        (SURFACE, "surfaces", "MultiPolygon"),
        (TRIANGLE, "surfaces", "Polygon"),
    ],
)
def test_curves_and_surfaces_are_made_straight_and_counted(
    read: Read, tmp_path: Path, wkb: bytes, step: str, type_name: str
) -> None:
    found = read("a.gpkg", geopackage_of(tmp_path, wkb))

    assert shapely.from_wkb(found.geometries[1]).geom_type == type_name
    assert found.steps == (StepCount(step=step, policy="linearised", count=1, unit="geometries"),)


GML_ARC = b"""<?xml version="1.0" encoding="UTF-8"?>
<c:c xmlns:c="http://c" xmlns:gml="http://www.opengis.net/gml/3.2">
<gml:featureMember><c:road gml:id="r.1"><c:place>
<gml:Curve gml:id="g" srsName="urn:ogc:def:crs:EPSG::25832"><gml:segments><gml:Arc>
<gml:posList>500000 5000000 500001 5000001 500002 5000000</gml:posList>
</gml:Arc></gml:segments></gml:Curve></c:place></c:road></gml:featureMember></c:c>"""


def test_drivers_that_would_make_curves_straight_by_themselves_are_counted(read: Read) -> None:
    assert [each.step for each in read("a.gml", GML_ARC, extra_formats=True).steps] == ["curves"]


def test_an_arc_becomes_chords_of_four_degrees(read: Read, tmp_path: Path) -> None:
    line = shapely.from_wkb(read("a.gpkg", geopackage_of(tmp_path, ARC)).geometries[1])

    assert len(line.coords) == 46
    assert line.length == pytest.approx(3.14159, rel=1e-3)
    assert shapely.Point(1, 1).distance(line) < 1e-3


def test_heights_on_curves_stay_and_measures_are_counted_as_lost(read: Read, tmp_path: Path) -> None:
    found = read("a.gpkg", geopackage_of(tmp_path, ARC_ZM))
    line = shapely.from_wkb(found.geometries[1])

    assert (line.has_m, line.coords[20][2]) == (False, 5)
    assert [(each.step, each.policy) for each in found.steps] == [
        ("curves", "linearised"), ("measures", "dropped"),
    ]  # fmt: skip


def test_plain_geometries_pass_byte_for_byte(read: Read, tmp_path: Path) -> None:
    geometries = [shapely.from_wkt("POINT ZM (1 2 3 4)"), None, shapely.box(0, 0, 1, 1), shapely.Point(5, 6)]
    source = write_geopackage(tmp_path / "plain.gpkg", geometries)
    found = read("a.gpkg", source.read_bytes())

    assert found.geometries == list(shapely.to_wkb(geometries, flavor="iso"))
    assert found.steps == ()


@pytest.mark.parametrize("levels", [33, 20_000])
def test_collections_in_collections_have_an_end(refusal: Refusal, tmp_path: Path, levels: int) -> None:
    deep = struct.pack("<BII", 1, 7, 1) * levels + struct.pack("<BI2d", 1, 1, 1, 2)

    assert refusal("a.gpkg", geopackage_of(tmp_path, deep)).code == "GEOMETRY_UNREADABLE"


@pytest.mark.parametrize(
    "wkb",
    [
        struct.pack("<BII", 1, 7, 2**31) + ARC,
        struct.pack("<BII", 1, 99, 1),
        b"\x01\x08",
    ],
)
def test_counts_that_lie(refusal: Refusal, tmp_path: Path, wkb: bytes) -> None:
    assert refusal("a.gpkg", geopackage_of(tmp_path, wkb)).code == "GEOMETRY_UNREADABLE"


@pytest.mark.parametrize("name", ["a.geojson", "a.geojsonl"])
def test_the_crs_that_is_assigned_counts(read: Read, name: str) -> None:
    content = geojson(points(2))
    if name == "a.geojsonl":
        content = (
            b'{"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}}'
        )

    assert read(name, content, source_crs="EPSG:25832").crs == "EPSG:25832"


EMPTY_POINT, EMPTY_LINE = (
    shapely.to_wkb(shapely.from_wkt(f"{kind} EMPTY")) for kind in ("POINT", "LINESTRING")
)
POINT = shapely.to_wkb(shapely.Point(1, 2))


def _losses(geometries: list[bytes | None], *limits: int | None) -> Losses:
    batch = pa.RecordBatch.from_arrays([pa.array(geometries, pa.binary())], names=["geom"])
    found = Losses(Census(*limits), geometry_column="geom")
    list(found.compared(iter([batch])))
    return found


@pytest.mark.parametrize(
    ("geometries", "limits"),
    [
        ([POINT], (2, None, None)),
        ([POINT, None], (2, 0, 0)),
        ([POINT, EMPTY_POINT], (2, 0, 0)),
        ([POINT, EMPTY_LINE], (2, 5, 0)),
        ([EMPTY_LINE, EMPTY_POINT, None], (3, 1, 1)),
    ],
)
def test_what_is_lost_is_noticed(geometries: list[bytes | None], limits: tuple[int | None, ...]) -> None:
    with pytest.raises(PermanentTaskError, match="lost") as caught:
        _losses(geometries, *limits)

    assert caught.value.code == "GEOMETRY_UNREADABLE"


@pytest.mark.parametrize("limits", [(4, 1, 2), (None, None, None), (4, 4, 4)])
def test_what_the_census_has_counted_is_no_loss(limits: tuple[int | None, ...]) -> None:
    _losses([POINT, EMPTY_POINT, EMPTY_LINE, None], *limits)
