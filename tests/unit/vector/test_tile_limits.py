"""What becomes of tiles that are too large or too many, and what is said about them."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pmtiles.reader import MmapSource, Reader

from core.errors import PermanentTaskError
from core.task_models.vector_export import ExportTable
from core.vector_ports import TileExtent, TileRow
from services.vector.export.notes import Notes
from services.vector.export.pmtiles import write_pmtiles
from services.vector.export.source import Progress, TableSource

HALF = 20_037_508.0
WORLD = (-HALF, -HALF, HALF, HALF)


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader of one table, all of whose tiles are made by a function of their zoom."""

    known: TileExtent
    content: Callable[[int], bytes]

    @contextmanager
    def tiling(self, _: Sequence[object]) -> "Iterator[list[Reading]]":
        yield [self]

    def extent(self) -> TileExtent:
        return self.known

    def tiles(
        self, zoom: int, places: Sequence[tuple[int, int]], *, most: int, **_: object
    ) -> Iterator[TileRow]:
        content = self.content(zoom)
        for x, y in places:
            yield TileRow(x, y, content, min(most, self.known.feature_count), most < self.known.feature_count)


def source_of(reading: Reading) -> TableSource:
    table = ExportTable(
        db_schema="geo", table="t", name="t", collection_id="t", title="T", srid=4326,
        geometry_type="Point", feature_count=reading.known.feature_count, columns=(),
    )  # fmt: skip
    context: Any = SimpleNamespace(checkpoint=lambda _: None)
    return TableSource(table, "t", cast(Any, reading), Progress(context, 1), Notes())


def codes(source: TableSource) -> set[str]:
    return {note.code for note in source.notes.all()} - {"FOR_DISPLAY", "NULLS_LEFT_OUT"}


def test_a_tile_that_one_feature_is_too_large_for_is_left_out_with_a_note(tmp_path: Path) -> None:
    large = os.urandom(600_000)
    extent = TileExtent(1, 1000.0, (0.0, 0.0, 1e6, 1e6))
    source = source_of(Reading(extent, lambda zoom: large if zoom == 1 else b"x"))
    write_pmtiles([source], tmp_path / "t.pmtiles", name="t")
    assert codes(source) == {"TILES_LEFT_OUT"}
    with (tmp_path / "t.pmtiles").open("rb") as file:
        reader = Reader(MmapSource(file))
        assert reader.get(0, 0, 0)
        assert not reader.get(1, 1, 0)


def test_an_archive_without_a_tile_that_is_small_enough_says_why(tmp_path: Path) -> None:
    large = os.urandom(600_000)
    source = source_of(Reading(TileExtent(1, None, (0.0, 0.0, 1.0, 1.0)), lambda _: large))
    with pytest.raises(PermanentTaskError) as refused:
        write_pmtiles([source], tmp_path / "t.pmtiles", name="t")
    assert refused.value.code == "FORMAT_LIMIT"


def test_the_zoom_that_the_number_of_tiles_makes_the_deepest_promises_no_deeper_ones(tmp_path: Path) -> None:
    """The whole world has more than 200,000 tiles from zoom 9 on."""
    source = source_of(Reading(TileExtent(10**11, None, WORLD), lambda zoom: b"%d" % zoom))
    write_pmtiles([source], tmp_path / "t.pmtiles", name="t")
    with (tmp_path / "t.pmtiles").open("rb") as file:
        assert Reader(MmapSource(file)).header()["max_zoom"] == 8
    assert codes(source) == {"TILES_THINNED", "TILES_THINNED_DEEPEST"}
