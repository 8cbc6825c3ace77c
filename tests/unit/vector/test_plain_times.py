"""Which sequences need not be rewritten for the sake of their times."""

from pathlib import Path

import pytest

from services.vector import json_collection
from services.vector.json_collection import has_plain_times
from tests.unit.vector.conftest import Read
from tests.vectors import geojson_text

FILLING = '{"n": 12, "t": "text", "e": "", "m": -3}\n' * 3


def _has_plain_times(tmp_path: Path, *values: str) -> bool:
    path = tmp_path / "a.geojsonl"
    path.write_text(FILLING + "".join(f'{{"v": {value}}}\n{FILLING}' for value in values))
    return has_plain_times(path)


@pytest.mark.parametrize(
    "values",
    [
        (),
        ('"2023-02-28"', '"2024-12-31"', '"1999-04-30"'),
        ('"2023-02-03T23:59:59Z"', '"2023-02-03T00:00:00.123+01:00"'),
        ('"12 rue"', '"12345"', '"a-1"', '"-"'),
    ],
)
def test_days_alone_and_times_alone_are_kept(tmp_path: Path, values: tuple[str, ...]) -> None:
    assert _has_plain_times(tmp_path, *values)


@pytest.mark.parametrize("block", [7, 100, 4096])
@pytest.mark.parametrize(
    "odd",
    [
        '"2023-02-30"',
        '"2023-02-29"',
        '"2023-04-31"',
        '"0000-01-01"',
        '"2023-2-3"',
        '"2023/02/03"',
        '" 2023-02-30"',
        '"10:20:30"',
        '"2023-02-03T25:00:00"',
        '"2023-02-03T10:00:00.123456Z"',
        '"2023-02-03 10:00:00"',
        r'"2023\u002d02-30"',
        r'"\u0032023-02-30"',
    ],
)
def test_others_are_found_wherever_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str, block: int
) -> None:
    monkeypatch.setattr(json_collection, "_BLOCK_BYTES", block)
    assert not _has_plain_times(tmp_path, '"2023-02-03"', odd)


def test_days_among_times_are_not_plain(tmp_path: Path) -> None:
    assert not _has_plain_times(tmp_path, '"2023-02-03"', '"2023-02-03T00:00:00Z"')


@pytest.mark.parametrize(("value", "is_rewritten"), [("2023-02-03", False), ("2023-02-30", True)])
def test_a_sequence_is_rewritten_only_if_it_must_be(
    read: Read, tmp_path: Path, value: str, is_rewritten: bool
) -> None:
    feature = {"type": "Feature", "geometry": None, "properties": {"v": "2024-01-31", "w": value}}
    found = read("a.geojsonl", geojson_text([feature]).partition(b'"features": [')[2].removesuffix(b"]}"))
    assert [str(found.column(name)[0]) for name in ("v", "w")] == ["2024-01-31", value]
    assert any(tmp_path.rglob("*.collection")) == is_rewritten
