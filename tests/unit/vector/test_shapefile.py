"""Shapefiles: complete, whole, and counted before GDAL reads them."""

import struct
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
import shapely

from core.errors import PermanentTaskError
from core.task_models.vector import VectorReading
from services.vector import archived, shapefile
from tests.unit.vector.conftest import Admit, Read, ReadLayer, Refusal, read_layer
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
    (layer,) = admitted("a.zip", zipped_shapefile(parts))
    layer.path.write_bytes(parts[".shp"][:-100])

    with pytest.raises(PermanentTaskError, match="without loss") as caught:
        read_layer(layer, VectorReading())
    assert "fread" in caught.value.context["messages"][0]


def test_a_point_that_is_nowhere_is_refused(refusal: Refusal, parts: dict[str, bytes]) -> None:
    """GDAL takes it for an empty one."""
    broken = parts | {".shp": with_first_x(parts[".shp"], float("nan"))}

    assert refusal("a.zip", zipped_shapefile(broken)).code == "GEOMETRY_UNREADABLE"


@pytest.mark.parametrize("x", [float("inf"), float("-inf")])
def test_infinite_coordinates_are_handed_on_as_they_are(
    read: Read, parts: dict[str, bytes], x: float
) -> None:
    found = read("a.zip", zipped_shapefile(parts | {".shp": with_first_x(parts[".shp"], x)}))

    assert shapely.get_x(shapely.from_wkb(found.geometries[0])) == x


def test_bytes_behind_the_declared_end_do_no_harm(read: Read, parts: dict[str, bytes]) -> None:
    longer = {suffix: part + b"\0" * 7 for suffix, part in parts.items() if suffix not in (".prj", ".cpg")}

    assert read("a.zip", zipped_shapefile(parts | longer)).rows.num_rows == 10


def test_null_shapes_are_counted_and_kept(read: Read, tmp_path: Path) -> None:
    parts = shapefile_parts(tmp_path, [None, *points(2)], {"name": ["a", "b", "c"]})
    found = read("a.zip", zipped_shapefile(parts))

    assert [geometry is None for geometry in found.geometries] == [True, False, False]


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_records_are_counted_some_at_a_time(
    admitted: Admit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(shapefile, "_RECORDS_AT_ONCE", at_once)
    shapes = [None, shapely.LineString([(0, 0), (1, 1)]), None, shapely.LineString(), None]
    parts = shapefile_parts(tmp_path, shapes, geometry_type="LineString")
    (layer,) = admitted("a.zip", zipped_shapefile(parts))

    census = layer.census
    assert census.feature_count == 5
    assert (census.null_geometry_limit, census.empty_geometry_limit) in ((3, 1), (4, 0))


@pytest.mark.parametrize("name", ["MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"])
def test_every_type_of_shape_is_read(read: Read, tmp_path: Path, name: str) -> None:
    parts = shapefile_parts(tmp_path, [ONE_OF_EACH_TYPE[name]] * 2, geometry_type=name)

    assert read("a.zip", zipped_shapefile(parts)).rows.num_rows == 2


def test_shapes_with_heights(read: Read, tmp_path: Path) -> None:
    line = shapely.from_wkt("LINESTRING Z (0 0 1, 1 1 2)")
    parts = shapefile_parts(tmp_path, [line], geometry_type="LineString Z")

    (wkb,) = read("a.zip", zipped_shapefile(parts)).geometries
    assert wkb == shapely.to_wkb(line, flavor="iso")


@pytest.mark.parametrize("suffix", archived.REQUIRED_PARTS[1:])
def test_a_missing_part_is_named(refusal: Refusal, parts: dict[str, bytes], suffix: str) -> None:
    del parts[suffix]
    error = refusal("a.zip", zipped_shapefile(parts))

    assert (error.code, error.context["missing"]) == ("CONTENT_MISMATCH", [suffix])


def test_no_prj_no_guess(read: Read, parts: dict[str, bytes]) -> None:
    del parts[".prj"]

    assert read("a.zip", zipped_shapefile(parts)).crs is None


def test_an_archive_without_a_shapefile(refusal: Refusal) -> None:
    assert refusal("a.zip", zipped({"readme.txt": b"hello"})).code == "UNSUPPORTED_FORMAT"


def test_several_are_several_layers(read_all: Callable[..., list[ReadLayer]], tmp_path: Path) -> None:
    one, two = shapefile_parts(tmp_path, points(1)), shapefile_parts(tmp_path, points(2))
    both = {f"b/one{k}": v for k, v in one.items()} | {f"a/two{k.upper()}": v for k, v in two.items()}
    found = read_all("a.zip", zipped(both))

    assert [(layer.name, layer.rows.num_rows) for layer in found] == [("b/one", 1), ("a/two", 2)]


def test_one_of_several_is_chosen_by_name(read: Read, tmp_path: Path) -> None:
    one, two = shapefile_parts(tmp_path, points(1)), shapefile_parts(tmp_path, points(2))
    both = {f"one{k}": v for k, v in one.items()} | {f"two{k}": v for k, v in two.items()}

    assert read("a.zip", zipped(both), layers=["two"]).rows.num_rows == 2


def test_an_unknown_layer_lists_the_known(refusal: Refusal, parts: dict[str, bytes]) -> None:
    error = refusal("a.zip", zipped_shapefile(parts), layers=["roads"])

    assert (error.code, error.context["layers"]) == ("LAYER_NOT_FOUND", ["places"])


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "CP1252", "CP437", "GBK"])
def test_texts_are_read_in_the_encoding_of_the_cpg(read: Read, tmp_path: Path, encoding: str) -> None:
    words = ["中文", "x"] if encoding == "GBK" else ["Ünicödé", "x"]
    found = read("a.zip", zipped_shapefile(_with_texts(tmp_path, words, encoding, cpg=encoding)))

    assert (found.column("name"), found.codes) == (words, [])


@pytest.mark.parametrize("cpg", ["1252", "ANSI 1252", "Windows-1252", "LDID/87", "88591", "\ufeffcp1252\r\n"])
def test_the_spellings_of_cpg_files(read: Read, tmp_path: Path, cpg: str) -> None:
    found = read("a.zip", zipped_shapefile(_with_texts(tmp_path, ["Äpfel"], "cp1252", cpg=cpg)))

    assert found.column("name") == ["Äpfel"]


def test_the_language_driver_of_the_dbf_counts_without_a_cpg(read: Read, tmp_path: Path) -> None:
    parts = _with_texts(tmp_path, ["Привет"], "cp866")
    parts[".dbf"] = parts[".dbf"][:29] + b"\x65" + parts[".dbf"][30:]

    assert read("a.zip", zipped_shapefile(parts)).column("name") == ["Привет"]


def test_the_clients_encoding_counts_more_than_the_files(read: Read, tmp_path: Path) -> None:
    parts = _with_texts(tmp_path, ["Łódź"], "cp1250", cpg="UTF-8")
    found = read("a.zip", zipped_shapefile(parts), encoding="cp1250")

    assert (found.column("name"), found.codes) == (["Łódź"], [])


@pytest.mark.parametrize(("encoding", "words"), [("utf-8", ["Łódź"]), ("cp1252", ["Äpfel"])])
def test_an_encoding_that_nothing_names_is_said_to_be_assumed(
    read: Read, tmp_path: Path, encoding: str, words: list[str]
) -> None:
    parts = _with_texts(tmp_path, words, encoding)
    parts[".dbf"] = parts[".dbf"][:29] + b"\0" + parts[".dbf"][30:]
    found = read("a.zip", zipped_shapefile(parts))

    assert (found.column("name"), found.codes) == (words, ["ENCODING_ASSUMED"])
    assert found.findings[0].context == {"encoding": encoding}


def test_names_of_columns_are_texts_too(read: Read, tmp_path: Path) -> None:
    parts = _with_texts(tmp_path, ["x"], "cp1252", cpg="cp1252")
    parts[".dbf"] = parts[".dbf"].replace(b"name\0", b"n\xe4me\0")

    assert read("a.zip", zipped_shapefile(parts)).column("näme") == ["x"]


def test_texts_that_are_not_in_their_encoding_are_refused_with_the_rows(
    refusal: Refusal, tmp_path: Path
) -> None:
    error = refusal("a.zip", zipped_shapefile(_with_texts(tmp_path, ["a", "Äpfel"], "cp1252", cpg="UTF-8")))

    assert error.code == "ENCODING_ERROR"
    assert error.context == {"column": "name", "encoding": "utf-8", "rows": [1]}


@pytest.mark.parametrize("named", ["klingon", "rot13", "base64"])
def test_an_encoding_that_is_none(refusal: Refusal, tmp_path: Path, named: str) -> None:
    parts = _with_texts(tmp_path, ["x"], "ascii", cpg=named)

    assert refusal("a.zip", zipped_shapefile(parts)).code == "ENCODING_ERROR"


def test_deleted_records_are_not_counted(read: Read, parts: dict[str, bytes]) -> None:
    header, width = (int.from_bytes(parts[".dbf"][start : start + 2], "little") for start in (8, 10))
    dbf = bytearray(parts[".dbf"])
    dbf[header + 3 * width] = ord("*")

    assert read("a.zip", zipped_shapefile(parts | {".dbf": bytes(dbf)})).rows.num_rows == 9


def test_outer_rings_that_go_the_wrong_way_are_taken_for_what_they_are(read: Read, tmp_path: Path) -> None:
    squares = [shapely.box(0, 0, 10, 10), shapely.box(20, 0, 25, 5)]
    parts = shapefile_parts(tmp_path, [shapely.MultiPolygon(squares)], geometry_type="MultiPolygon")
    turned = b"".join(shapely.get_coordinates(square).astype("<f8").tobytes() for square in squares)
    assert len(turned) == 160
    assert turned != parts[".shp"][-160:]
    (wkb,) = read("a.zip", zipped_shapefile(parts | {".shp": parts[".shp"][:-160] + turned})).geometries

    assert shapely.equals(shapely.from_wkb(wkb), shapely.MultiPolygon(squares))


def test_attributes_of_one_name_are_told_apart(read: Read, tmp_path: Path) -> None:
    parts = shapefile_parts(tmp_path, points(2), {"NAME": ["a", "b"], "OTHR": ["c", "d"]})
    same = parts | {".dbf": parts[".dbf"].replace(b"OTHR", b"NAME")}
    layer = read("a.zip", zipped_shapefile(same))

    assert (layer.column("NAME"), layer.column("NAME_2")) == (["a", "b"], ["c", "d"])
    assert "COLUMNS_RENAMED" in layer.codes


def _with_days(directory: Path, days: list[bytes]) -> dict[str, bytes]:
    """A Shapefile with these cells in its column of dates."""
    given = [date(1900, 1, 1) + timedelta(number) for number in range(len(days))]
    parts = shapefile_parts(directory, points(len(days)), {"DAY": given})
    for mark, day in zip(given, days, strict=True):
        parts[".dbf"] = parts[".dbf"].replace(f"{mark:%Y%m%d}".encode(), day.ljust(8))
    return parts


@pytest.mark.parametrize(
    "day",
    [b"20210230", b"20211301", b"20210100", b"2021-1-5", b"01/02/21", b"2021", b"20230229", b"********"],
)
def test_days_that_are_none_are_refused_with_their_rows(refusal: Refusal, tmp_path: Path, day: bytes) -> None:
    parts = _with_days(tmp_path, [b"20210101", day, b"20240229", day])
    error = refusal("a.zip", zipped_shapefile(parts))

    assert (error.code, error.context["values_by_column"]) == ("CONTENT_MISMATCH", {"DAY": 2})
    assert error.context["rows_by_column"] == {"DAY": [1, 3]}


def test_days_that_are_missing_are_null(read: Read, tmp_path: Path) -> None:
    parts = _with_days(tmp_path, [b"", b"00000000", b"20240229", b"00010101"])

    assert read("a.zip", zipped_shapefile(parts)).column("DAY") == [
        None, None, date(2024, 2, 29), date(1, 1, 1),
    ]  # fmt: skip


def test_days_of_deleted_records_do_not_matter(read: Read, tmp_path: Path) -> None:
    parts = _with_days(tmp_path, [b"20210230", b"20210228"])
    header = int.from_bytes(parts[".dbf"][8:10], "little")
    marked = parts[".dbf"][:header] + b"*" + parts[".dbf"][header + 1 :]

    assert read("a.zip", zipped_shapefile(parts | {".dbf": marked})).column("DAY") == [date(2021, 2, 28)]


def _with_texts(
    directory: Path, words: list[str], encoding: str, *, cpg: str | None = None
) -> dict[str, bytes]:
    """A Shapefile whose texts are exactly these bytes, whatever GDAL can write."""
    marks = [f"@{number:019d}" for number in range(len(words))]
    parts = shapefile_parts(directory, points(len(words)), {"name": marks}, encoding="UTF-8")
    for mark, word in zip(marks, words, strict=True):
        parts[".dbf"] = parts[".dbf"].replace(mark.encode(), word.encode(encoding).ljust(20))
    del parts[".cpg"]
    return parts | ({".cpg": cpg.encode()} if cpg is not None else {})
