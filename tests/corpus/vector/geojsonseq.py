"""GeoJSON text sequences (RFC 8142) and GeoJSON line by line."""

from pathlib import Path

import shapely

from tests.corpus.vector.case import Door, Table, accepted, case, refused
from tests.corpus.vector.making import TWO_PLACES, feature, sequence

_TWO = [feature(each, {"n": number}) for number, each in enumerate(TWO_PLACES)]


@case("plain.geojsonl", accepted(Table("plain", 2, "Point", columns={"n": "integer"})))
def plain(path: Path) -> None:
    path.write_bytes(sequence(_TWO))


@case("plain.ndjson", accepted(Table("plain", 2, "Point")))
def ndjson(path: Path) -> None:
    path.write_bytes(sequence(_TWO))


@case("record_separators.geojsons", accepted(Table("record_separators", 2, "Point")))
def record_separators(path: Path) -> None:
    path.write_bytes(sequence(_TWO, separator="\x1e"))


@case("blank_lines.geojsonl", accepted(Table("blank_lines", 2, "Point")))
def blank_lines(path: Path) -> None:
    path.write_bytes(sequence(_TWO).replace(b"\n", b"\r\n\r\n"))


@case("no_last_line_end.jsonl", accepted(Table("no_last_line_end", 2, "Point")))
def no_last_line_end(path: Path) -> None:
    path.write_bytes(sequence(_TWO).rstrip(b"\n"))


@case("bad_line.geojsonl", refused("CONTENT_MISMATCH"))
def bad_line(path: Path) -> None:
    first, second = sequence(_TWO).splitlines(keepends=True)
    path.write_bytes(first + b'{"type": "Feature", "properties": {}, "geometry": {"type": \n' + second)


@case("no_json_line.geojsonl", refused("CONTENT_MISMATCH", "GEOMETRY_UNREADABLE"))
def no_json_line(path: Path) -> None:
    first, second = sequence(_TWO).splitlines(keepends=True)
    path.write_bytes(first + b"here begins the second part\n" + second)


@case("cut_off.geojsonl", refused("CONTENT_MISMATCH"))
def cut_off(path: Path) -> None:
    path.write_bytes(sequence(_TWO)[:-30])


@case("types_that_change_late.geojsonl", accepted(Table("types_that_change_late", 3001, "Point")))
def types_that_change_late(path: Path) -> None:
    places = shapely.points([[i / 100, 1] for i in range(3001)])
    features = [feature(place, {"n": i if i < 3000 else "the end"}) for i, place in enumerate(places)]
    path.write_bytes(sequence(features))


@case("empty_lines.geojsonl", refused("NO_FEATURES", "CONTENT_MISMATCH", door=Door.PLANNING))
def empty_lines(path: Path) -> None:
    path.write_bytes(b"\n\n")


@case("linked_crs.geojsonl", refused("CRS_UNKNOWN"))
def linked_crs(path: Path) -> None:
    link = {"type": "link", "properties": {"href": "http://127.0.0.1:9/crs"}}
    path.write_bytes(sequence([{**_TWO[0], "crs": link}]))
