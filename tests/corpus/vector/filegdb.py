"""Zipped file geodatabases."""

from pathlib import Path

from tests.corpus.vector.case import Table, accepted, case, refused
from tests.corpus.vector.making import TWO_PLACES, write_ogr
from tests.vectors import ONE_OF_EACH_TYPE, zipped


def _files(path: Path, *, folder: str = "data.gdb/", layers: int = 1) -> dict[str, bytes]:
    """The files of a geodatabase."""
    made = path.parent / "made.gdb"
    write_ogr(
        made, TWO_PLACES, {"name": ["Zoë", "b"]}, driver="OpenFileGDB", layer="places", geometry_type="Point"
    )
    if layers > 1:
        write_ogr(
            made,
            [ONE_OF_EACH_TYPE["MultiPolygon"]],
            driver="OpenFileGDB",
            layer="lots",
            geometry_type="MultiPolygon",
            append=True,
        )
    return {f"{folder}{each.name}": each.read_bytes() for each in made.iterdir()}


@case("plain.gdb.zip", accepted(Table("places", 2, "Point", columns={"name": "text"})))
def plain(path: Path) -> None:
    path.write_bytes(zipped(_files(path)))


@case("two_classes.gdb.zip", accepted(Table("places", 2, "Point"), Table("lots", 1, "MultiPolygon")))
def two_classes(path: Path) -> None:
    path.write_bytes(zipped(_files(path, layers=2)))


@case("geodatabase.zip", accepted(Table("places", 2, "Point")))
def geodatabase(path: Path) -> None:
    path.write_bytes(zipped(_files(path, folder="somewhere/inside/data.gdb/")))


@case("table_cut_off.gdb.zip", refused("GEOMETRY_UNREADABLE", "CONTENT_MISMATCH"))
def table_cut_off(path: Path) -> None:
    files = _files(path)
    tables = sorted(name for name in files if name.endswith(".gdbtable"))
    files[tables[-1]] = files[tables[-1]][:-60]
    path.write_bytes(zipped(files))


@case("no_tables.gdb.zip", refused("CONTENT_MISMATCH", "UNSUPPORTED_FORMAT", "ARCHIVE_UNSAFE"))
def no_tables(path: Path) -> None:
    path.write_bytes(zipped({"data.gdb/gdb": b"\x05\0\0\0"}))
