"""Zipped Shapefiles: whole, damaged, and with parts missing."""

import struct
from collections.abc import Callable
from pathlib import Path

import shapely

from tests.corpus.vector.case import Door, Table, accepted, case, refused
from tests.corpus.vector.making import TWO_PLACES
from tests.vectors import SQUARE, shapefile_parts, with_first_x, zipped, zipped_shapefile

Parts = dict[str, bytes]


def _points(path: Path, change: Callable[[Parts], object] | None = None, *, name: str = "places") -> None:
    """Two points, in a Shapefile that is changed before it is zipped."""
    parts = shapefile_parts(path.parent, TWO_PLACES, {"name": ["Zoë", "b"], "n": [1, 2]})
    if change is not None:
        change(parts)
    path.write_bytes(zipped_shapefile(parts, name=name))


@case("plain.zip", accepted(Table("places", 2, "Point", columns={"name": "text", "n": "bigint"})))
def plain(path: Path) -> None:
    _points(path)


@case(
    "polygons.zip",
    accepted(Table("places", 3, "MultiPolygon", nulls=1)),
)
def polygons(path: Path) -> None:
    """Rings clockwise outside, as the format wants them: turned, if that counts; never lost."""
    holed = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(1, 1), (1, 2), (2, 2), (2, 1)]])
    parts = shapefile_parts(path.parent, [SQUARE, holed, None], geometry_type="Polygon")
    path.write_bytes(zipped_shapefile(parts))


@case("heights.zip", accepted(Table("places", 1, "PointZ")))
def heights(path: Path) -> None:
    parts = shapefile_parts(path.parent, [shapely.Point(1, 2, 3)], geometry_type="Point Z")
    path.write_bytes(zipped_shapefile(parts))


@case(
    "two_shapefiles.zip",
    accepted(Table("lots", 1, "MultiPolygon"), Table("places", 2, "Point")),
)
def two_shapefiles(path: Path) -> None:
    files: Parts = {}
    for name, geometries, kind in (("lots", [SQUARE], "Polygon"), ("places", TWO_PLACES, "Point")):
        parts = shapefile_parts(path.parent, geometries, geometry_type=kind)
        files |= {f"{name}{suffix}": content for suffix, content in parts.items()}
    path.write_bytes(zipped(files))


@case("one_of_two_shapefiles.zip", accepted(Table("lots", 1, "MultiPolygon")), layer="lots")
def one_of_two_shapefiles(path: Path) -> None:
    two_shapefiles(path)


@case("left_by_a_mac.zip", accepted(Table("places", 2, "Point")))
def left_by_a_mac(path: Path) -> None:
    parts = shapefile_parts(path.parent, TWO_PLACES)
    files = {f"places{suffix}": content for suffix, content in parts.items()}
    litter = {"__MACOSX/._places.shp": b"\0", ".DS_Store": b"\0", "places.shp.xml": b"<metadata/>"}
    path.write_bytes(zipped(files | litter))


@case("capitals.zip", accepted(Table("PLACES", 2, "Point")))
def capitals(path: Path) -> None:
    parts = shapefile_parts(path.parent, TWO_PLACES)
    path.write_bytes(zipped({f"PLACES{suffix.upper()}": content for suffix, content in parts.items()}))


@case("no_prj.zip", refused("CRS_MISSING", door=Door.PLANNING))
def no_prj(path: Path) -> None:
    _points(path, lambda parts: parts.pop(".prj"))


@case("no_prj_but_assigned.zip", accepted(Table("places", 2, "Point")), source_crs="EPSG:4326")
def no_prj_but_assigned(path: Path) -> None:
    _points(path, lambda parts: parts.pop(".prj"))


@case("nonsense_prj.zip", refused("CRS_MISSING", "CRS_UNKNOWN", "GEOMETRY_UNREADABLE", door=Door.PLANNING))
def nonsense_prj(path: Path) -> None:
    _points(path, lambda parts: parts.update({".prj": b"/vsicurl/http://127.0.0.1:9/crs.wkt"}))


@case("no_dbf.zip", refused("CONTENT_MISMATCH"))
def no_dbf(path: Path) -> None:
    _points(path, lambda parts: parts.pop(".dbf"))


@case("truncated_shp.zip", refused("GEOMETRY_UNREADABLE"))
def truncated_shp(path: Path) -> None:
    """GDAL reads null geometries from it, and calls that success."""
    _points(path, lambda parts: parts.update({".shp": parts[".shp"][:-20]}))


@case("truncated_dbf.zip", refused("GEOMETRY_UNREADABLE"))
def truncated_dbf(path: Path) -> None:
    _points(path, lambda parts: parts.update({".dbf": parts[".dbf"][:-40]}))


@case("truncated_shx.zip", refused("GEOMETRY_UNREADABLE"))
def truncated_shx(path: Path) -> None:
    _points(path, lambda parts: parts.update({".shx": parts[".shx"][:-8]}))


@case("index_into_nowhere.zip", refused("GEOMETRY_UNREADABLE"))
def index_into_nowhere(path: Path) -> None:
    _points(
        path, lambda parts: parts.update({".shx": parts[".shx"][:100] + struct.pack(">2i", 9999, 10) * 2})
    )


@case("no_number.zip", refused("FEATURES_REJECTED", "GEOMETRY_UNREADABLE", door=Door.LOADING))
def no_number(path: Path) -> None:
    _points(path, lambda parts: parts.update({".shp": with_first_x(parts[".shp"], float("nan"))}))


@case("deleted_record.zip", accepted(Table("places", 1, "Point")))
def deleted_record(path: Path) -> None:
    """Marked as deleted in the .dbf: no feature any more, for nobody."""

    def delete(parts: Parts) -> None:
        begin = int.from_bytes(parts[".dbf"][8:10], "little")
        parts[".dbf"] = parts[".dbf"][:begin] + b"*" + parts[".dbf"][begin + 1 :]

    _points(path, delete)


@case("in_a_folder.zip", accepted(Table("data/2024/places", 2, "Point")))
def in_a_folder(path: Path) -> None:
    _points(path, name="data/2024/places")
