"""Texts of Shapefiles: what their encoding is, who says so, and what happens when it is wrong."""

from pathlib import Path

from tests.corpus.vector.case import Table, accepted, case, refused
from tests.corpus.vector.making import TWO_PLACES
from tests.vectors import shapefile_parts, zipped_shapefile

_LANGUAGE_DRIVER = 29


def _texts(
    path: Path, *, text: str, encoding: str, cpg: bytes | None = None, language_driver: int = 0
) -> None:
    """A Shapefile whose first text is in `encoding`, whatever it says of itself."""
    width = len(text.encode(encoding))
    parts = shapefile_parts(path.parent, TWO_PLACES, {"name": ["#" * width, "b"]}, encoding="ISO-8859-1")
    dbf = bytearray(parts[".dbf"].replace(b"#" * width, text.encode(encoding)))
    dbf[_LANGUAGE_DRIVER] = language_driver
    parts[".dbf"] = bytes(dbf)
    parts.pop(".cpg", None)
    if cpg is not None:
        parts[".cpg"] = cpg
    path.write_bytes(zipped_shapefile(parts))


@case("cpg_utf_8.zip", accepted(Table("places", 2, "Point")))
def cpg_utf_8(path: Path) -> None:
    _texts(path, text="Größe 地図", encoding="utf-8", cpg=b"UTF-8")


@case("cpg_1252.zip", accepted(Table("places", 2, "Point")))
def cpg_1252(path: Path) -> None:
    _texts(path, text="Größe €", encoding="cp1252", cpg=b"1252\r\n")


@case("cpg_big5.zip", accepted(Table("places", 2, "Point")))
def cpg_big5(path: Path) -> None:
    _texts(path, text="地圖", encoding="big5", cpg=b"Big5")


@case("language_driver.zip", accepted(Table("places", 2, "Point")))
def language_driver(path: Path) -> None:
    _texts(path, text="Größe", encoding="cp850", language_driver=0x02)


@case("encoding_assumed.zip", accepted(Table("places", 2, "Point"), findings=("ENCODING_ASSUMED",)))
def encoding_assumed(path: Path) -> None:
    _texts(path, text="Größe", encoding="cp1252")


@case("encoding_named.zip", accepted(Table("places", 2, "Point")), encoding="cp1251")
def encoding_named(path: Path) -> None:
    _texts(path, text="Размер", encoding="cp1251", cpg=b"UTF-8")


@case("cpg_that_lies.zip", refused("ENCODING_ERROR"))
def cpg_that_lies(path: Path) -> None:
    _texts(path, text="Größe", encoding="cp1252", cpg=b"UTF-8")


@case("cpg_of_nothing.zip", refused("ENCODING_ERROR"))
def cpg_of_nothing(path: Path) -> None:
    _texts(path, text="Größe", encoding="cp1252", cpg=b"KLINGON-8")
