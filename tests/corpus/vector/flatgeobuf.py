"""FlatGeobuf."""

from pathlib import Path

import pyarrow as pa
import shapely

from tests.corpus.vector.case import Door, Table, accepted, case, refused
from tests.corpus.vector.making import TWO_PLACES, cut, spread, write_ogr
from tests.vectors import SQUARE


@case("plain.fgb", accepted(Table("plain", 2, "Point", columns={"name": "text"})))
def plain(path: Path) -> None:
    write_ogr(path, TWO_PLACES, driver="FlatGeobuf")


@case("without_index.fgb", accepted(Table("without_index", 3, "MultiPolygon", nulls=1)))
def without_index(path: Path) -> None:
    write_ogr(path, [SQUARE, None, SQUARE], driver="FlatGeobuf", SPATIAL_INDEX="NO")


@case("projected.fgb", accepted(Table("projected", 1, "Point")))
def projected(path: Path) -> None:
    write_ogr(path, [shapely.Point(565_000, 5_930_000)], driver="FlatGeobuf", crs="EPSG:25832")


@case("no_crs.fgb", refused("CRS_MISSING", door=Door.PLANNING))
def no_crs(path: Path) -> None:
    write_ogr(path, TWO_PLACES, driver="FlatGeobuf", crs=None)


@case("no_features.fgb", refused("NO_FEATURES", door=Door.PLANNING))
def no_features(path: Path) -> None:
    write_ogr(path, [], driver="FlatGeobuf", geometry_type="Point", columns={"n": pa.array([], pa.int64())})


@case("cut_off.fgb", refused("GEOMETRY_UNREADABLE", "CONTENT_MISMATCH"))
def cut_off(path: Path) -> None:
    write_ogr(path, list(spread(500)), driver="FlatGeobuf")
    cut(path, share=0.8)


@case(
    "overwritten.fgb",
    refused("GEOMETRY_UNREADABLE", "CONTENT_MISMATCH", "ENCODING_ERROR", "FEATURES_REJECTED"),
)
def overwritten(path: Path) -> None:
    write_ogr(path, list(spread(500)), driver="FlatGeobuf", SPATIAL_INDEX="NO")
    content = bytearray(path.read_bytes())
    content[-4000:-3900] = b"\xff" * 100
    path.write_bytes(content)


@case("only_its_magic.fgb", refused("GEOMETRY_UNREADABLE", "CONTENT_MISMATCH"))
def only_its_magic(path: Path) -> None:
    path.write_bytes(b"fgb\x03fgb\x00" + b"\xff\xff\xff\x7f" + b"\x00" * 40)
