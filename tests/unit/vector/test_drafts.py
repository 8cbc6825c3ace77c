"""What is learnt of rows while they are read."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely

from core.task_models.vector import CleaningOptions
from services.vector import chunks
from services.vector.chunks import PREFIX_FIELDS, ChunkSender, read_chunk
from services.vector.drafts import Bounds, Drafts, TableDraft
from tests.blobs import DirectoryBlobStore, surroundings

SCHEMA = pa.schema([*PREFIX_FIELDS, pa.field("a", pa.int64())])


def batch(*wkts: str | None, values: list[int] | None = None, first: int = 0) -> pa.RecordBatch:
    wkb = [None if wkt is None else shapely.to_wkb(shapely.from_wkt(wkt), flavor="iso") for wkt in wkts]
    rows = np.arange(first, first + len(wkts))
    given = values or [0] * len(wkts)
    arrays = [pa.array(rows), pa.array(rows + 1), pa.array(wkb, pa.binary()), pa.array(given, pa.int64())]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryBlobStore:
    return DirectoryBlobStore(tmp_path / "blobs")


@pytest.fixture
def sender(tmp_path: Path, storage: DirectoryBlobStore) -> ChunkSender:
    return ChunkSender(surroundings(tmp_path / "work", storage).context, "azure://silver/x/")


def drafted(sender: ChunkSender, *batches: pa.RecordBatch, mixed_geometry: str = "split") -> list[TableDraft]:
    options = CleaningOptions.model_validate({"mixed_geometry": mixed_geometry})
    drafts = Drafts(sender, SCHEMA, options)
    for each in batches:
        drafts.add(each)
    return drafts.ended()


def test_rows_go_to_the_draft_of_their_family(sender: ChunkSender) -> None:
    with sender:
        found = drafted(
            sender, batch("POINT (1 2)", "LINESTRING (0 0, 1 1)", None), batch("POINT EMPTY", first=3)
        )

    assert {draft.family: (draft.rows, draft.nulls) for draft in found} == {
        "lines": (1, 0), "points": (1, 0), "without_geometry": (2, 1),
    }  # fmt: skip


def test_one_family_is_no_family(sender: ChunkSender) -> None:
    with sender:
        (only,) = drafted(sender, batch(None, "POINT (1 2)"), batch("MULTIPOINT (1 2)", None, first=2))
        chunk_rows = sum(chunk.rows for chunk in only.chunks())

    assert (only.family, only.rows, only.nulls, only.types) == (None, 4, 2, {1, 4})
    assert chunk_rows == 4


@pytest.mark.parametrize("mixed_geometry", ["generic", "split"])
def test_copies_are_the_later_ones(sender: ChunkSender, mixed_geometry: str) -> None:
    with sender:
        (draft,) = drafted(
            sender,
            batch("POINT (1 2)", "POINT (1 2)", None, values=[5, 6, 5]),
            batch(None, "POINT (1 2)", "POINT (1 2)", values=[5, 5, 5], first=3),
            mixed_geometry=mixed_geometry,
        )

    assert draft.duplicates().tolist() == [3, 4, 5]


def test_chunks_end_where_they_are_full(
    sender: ChunkSender, storage: DirectoryBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "_CHUNK_ROWS", 2)
    parts = [batch("POINT (1 2)", first=number) for number in range(5)]
    with sender:
        (draft,) = drafted(sender, *parts)
        made = draft.chunks()

    assert [chunk.rows for chunk in made] == [2, 2, 1]
    found = []
    for number, chunk in enumerate(made):
        storage.download(chunk.uri, tmp_path / f"{number}.arrow")
        assert storage.info(chunk.uri).size_bytes == chunk.size_bytes
        found += [
            row for part in read_chunk(tmp_path / f"{number}.arrow") for row in part["__row"].to_pylist()
        ]
    assert found == [0, 1, 2, 3, 4]


def test_bounds_are_those_of_finite_coordinates() -> None:
    bounds = Bounds()
    assert bounds.box() is None
    bounds.add(batch(None, "POINT EMPTY").column("__wkb"))
    assert bounds.box() is None
    bounds.add(batch("LINESTRING Z (1 2 9, 3 -4 9)", None).column("__wkb"))
    bounds.add(pa.array([shapely.Point(np.inf, 7).wkb], pa.binary()))
    assert bounds.box() == (1, -4, 3, 7)
