"""Sequences of GeoJSON features: counted by lines, and no line passed over."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.vector import geojsonseq, json_scan
from tests.unit.vector.conftest import Admit, Read, Refusal

LINK = {"type": "link", "properties": {"href": "http://127.0.0.1:9/crs"}}


def feature(number: int = 0, **members: Any) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [number % 100, 50]}
    return {"type": "Feature", "geometry": geometry, "properties": {"n": number}, **members}


def sequence(*features: Any, separator: str = "", end: str = "\n", **options: Any) -> bytes:
    return "".join(f"{separator}{json.dumps(each, **options)}{end}" for each in features).encode()


@pytest.mark.parametrize("name", ["a.geojsonl", "a.geojsons", "a.ndjson", "a.JSONL"])
def test_every_spelling_of_the_extension(read: Read, name: str) -> None:
    assert read(name, sequence(feature(1), feature(2))).column("n") == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        sequence(feature(1), feature(2), end="\r\n"),
        sequence(feature(1), feature(2)).replace(b"\n", b"\n \n\n"),
        sequence(feature(1), feature(2)).rstrip(),
        sequence(feature(1), feature(2), separator="\x1e"),
        sequence(feature(1), feature(2), separator="\x1e", indent=2),
        b"\xef\xbb\xbf" + sequence(feature(1), feature(2)),
    ],
)
def test_the_forms_in_which_they_come(read: Read, content: bytes) -> None:
    assert read("a.geojsonl", content).column("n") == [1, 2]


@pytest.mark.parametrize("separator", ["", "\x1e"])
def test_a_sequence_of_one(read: Read, separator: str) -> None:
    assert read("a.geojsonl", sequence(feature(7), separator=separator)).column("n") == [7]


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        (b"{bad", 3),
        (b'{"type": "Feature", "properties": {"n": 1}, "geometry": nul}', 3),
        (b'"text"', 3),
        (b"[1, 2]", 3),
        (b"nonsense", 3),
        (b"{} {}", 3),
        (b'{"type": "Feature", "properties": {"a": "torn', 3),
        (b'{"type": "FeatureCollection", "features": []}', 3),
    ],
)
def test_a_bad_line_is_named_by_its_number(refusal: Refusal, bad: bytes, line: int) -> None:
    content = sequence(feature(1)) + b"\n" + bad + b"\n" + sequence(feature(2), feature(3))
    error = refusal("a.geojsonl", content)

    assert (error.code, error.context["lines"]) == ("CONTENT_MISMATCH", [line])


@pytest.mark.parametrize("cut", [1, 10, 50])
def test_a_sequence_that_is_cut_off_never_passes(refusal: Refusal, cut: int) -> None:
    error = refusal("a.geojsonl", sequence(feature(1), feature(2))[: -1 - cut])

    assert (error.code, error.context["lines"]) == ("CONTENT_MISMATCH", [2])


@pytest.mark.parametrize("block_bytes", [97, 250, 1_000])
def test_blocks_of_any_size_show_the_same(
    admitted: Admit, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    """Texts with quotes, backslashes and brackets across the borders of blocks."""
    monkeypatch.setattr(json_scan, "_BLOCK_BYTES", block_bytes)
    texts = ['"', "\\", '\\"', "}{][", "\\\\", 'é"\\\n', "\\\\\\" * 40]
    features = [feature(n, id=n * 7, extra=texts[n % 7], more={"id": "x"}) for n in range(200)]
    (layer,) = admitted("a.geojsonl", sequence(*features, ensure_ascii=False))

    assert (layer.census.feature_count, layer.has_ids) == (200, True)


def test_a_line_that_is_too_long_is_refused(refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_scan, "_BLOCK_BYTES", 1_000)
    monkeypatch.setattr(geojsonseq, "MAX_LINE_BYTES", 10_000)
    content = sequence(feature(1), feature(2, note="x" * 20_000), feature(3))

    assert refusal("a.geojsonl", content).context == {"lines": [2], "limit_bytes": 10_000}


def test_a_file_without_line_ends_is_looked_through_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "long.geojsonl"
    path.write_bytes(b'{"a": "' + b"x" * 10**7)

    assert max(len(block.content) for block in json_scan.JsonScan(path).blocks()) < 3 * 10**6


@pytest.mark.parametrize(
    "members", [{"crs": LINK}, {"CRS": LINK}, {"crs": {"type": "name", "properties": {"name": "EPSG:25832"}}}]
)
def test_a_crs_in_a_feature_is_refused(refusal: Refusal, members: dict[str, Any]) -> None:
    assert refusal("a.geojsonl", sequence(feature(1), feature(2, **members))).code == "CRS_UNKNOWN"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"[1,", b"[NaN,", "GEOMETRY_UNREADABLE"),
        (b'"n": 1', b'"n": Infinity', "GEOMETRY_UNREADABLE"),
        (b'"n": 1', b'"n": "\xff"', "ENCODING_ERROR"),
        (b'"n": 1', b'"n": "a\\u0000b"', "ENCODING_ERROR"),
        (b'"Point"', b'"Circle"', "GEOMETRY_UNREADABLE"),
        (b"[1, 50]", b"[" * 300 + b"]" * 300, "GEOMETRY_UNREADABLE"),
    ],
)
def test_values_that_are_none(refusal: Refusal, old: bytes, new: bytes, code: str) -> None:
    content = sequence(feature(1), feature(2))
    assert old in content

    assert refusal("a.geojsonl", content.replace(old, new, 1)).code == code


def test_ids(read: Read) -> None:
    found = read("a.geojsonl", sequence(feature(1, id=30), feature(2, id=10)))

    assert found.column(found.fid_column or "") == [30, 10]


def test_ids_that_are_not_unique_are_said(read: Read) -> None:
    found = read("a.geojsonl", sequence(feature(1, id=30), feature(2, id=30)))

    assert (found.fid_column, found.codes) == (None, ["IDS_NOT_UNIQUE"])


def test_types_are_those_of_the_whole_file(read: Read) -> None:
    features = [feature(n) for n in range(40_000)]
    features[-1]["properties"]["n"] = 0.5
    values = read("a.geojsonl", sequence(*features)).column("n")

    assert (values[1], values[-1]) == (1.0, 0.5)
