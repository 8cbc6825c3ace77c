"""Zip archives: what they may hold, and what they must not do."""

import io
import zipfile
from pathlib import Path

from tests.corpus.vector.case import Table, accepted, case, refused
from tests.corpus.vector.making import TWO_PLACES
from tests.vectors import geojson, shapefile_parts, with_symlink, zipped, zipped_shapefile

_GEOJSON = geojson(TWO_PLACES, {"name": "a"})


@case("a_geojson.zip", accepted(Table("inner", 2, "Point")))
def a_geojson(path: Path) -> None:
    path.write_bytes(zipped({"inner.geojson": _GEOJSON, "readme.txt": b"hello"}))


@case("a_csv.zip", accepted(Table("inner", 1, "Point")))
def a_csv(path: Path) -> None:
    path.write_bytes(zipped({"inner.csv": b"lon,lat\n1,2\n"}))


@case("two_datasets.zip", refused("UNSUPPORTED_FORMAT"))
def two_datasets(path: Path) -> None:
    path.write_bytes(zipped({"a.geojson": _GEOJSON, "b.geojson": _GEOJSON}))


@case("nothing_of_ours.zip", refused("UNSUPPORTED_FORMAT"))
def nothing_of_ours(path: Path) -> None:
    path.write_bytes(zipped({"readme.txt": b"hello"}))


@case("bomb.zip", refused("ARCHIVE_UNSAFE"))
def bomb(path: Path) -> None:
    path.write_bytes(zipped({"a.geojson": b" " * 50_000_000}))


@case("lying_size.zip", refused("ARCHIVE_UNSAFE"))
def lying_size(path: Path) -> None:
    """Its directory declares two bytes for an entry that has many more."""
    content = bytearray(zipped({"a.geojson": _GEOJSON}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        begin = content.index(mark) + offset
        content[begin : begin + 4] = (2).to_bytes(4, "little")
    path.write_bytes(content)


@case("upwards.zip", refused("ARCHIVE_UNSAFE"))
def upwards(path: Path) -> None:
    path.write_bytes(zipped({"../../etc/a.geojson": _GEOJSON}))


@case("from_the_root.zip", refused("ARCHIVE_UNSAFE"))
def from_the_root(path: Path) -> None:
    path.write_bytes(zipped({"/tmp/a.geojson": _GEOJSON}))


@case("a_link.zip", refused("ARCHIVE_UNSAFE"))
def a_link(path: Path) -> None:
    parts = shapefile_parts(path.parent, TWO_PLACES)
    path.write_bytes(with_symlink(zipped_shapefile(parts), "places.cpg.txt"))


@case("nested.zip", refused("ARCHIVE_UNSAFE"))
def nested(path: Path) -> None:
    path.write_bytes(zipped({"inner.zip": zipped({"a.geojson": _GEOJSON})}))


@case("locked.zip", refused("ARCHIVE_UNSAFE"))
def locked(path: Path) -> None:
    """The flag of encryption, in the directory and at the entry."""
    content = bytearray(zipped({"a.geojson": _GEOJSON}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)


@case("twin_entries.zip", refused("ARCHIVE_UNSAFE"))
def twin_entries(path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("a.geojson", "A.geojson"):
            archive.writestr(name, _GEOJSON)
    path.write_bytes(buffer.getvalue())


@case("very_many_entries.zip", refused("ARCHIVE_UNSAFE"))
def very_many_entries(path: Path) -> None:
    path.write_bytes(zipped({f"{number}.txt": b"" for number in range(10_001)}, compress=False))


@case("cut_off.zip", refused("ARCHIVE_UNSAFE", "CONTENT_MISMATCH"))
def cut_off(path: Path) -> None:
    content = zipped({"a.geojson": _GEOJSON})
    path.write_bytes(content[: len(content) // 2])


@case("no_zip.zip", refused("CONTENT_MISMATCH"))
def no_zip(path: Path) -> None:
    path.write_bytes(_GEOJSON)


@case("a_program.zip", refused("ARCHIVE_UNSAFE", "UNSUPPORTED_FORMAT"))
def a_program(path: Path) -> None:
    path.write_bytes(zipped({"a.geojson": _GEOJSON, "setup.exe": b"MZ"}))
