"""Zipped file geodatabases: all feature classes, counted from the headers of their tables."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyogrio
import pytest
import shapely

from tests.unit.vector.conftest import Admit, ReadLayer, Refusal
from tests.vectors import points, zipped


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """A geodatabase of two feature classes and a table, by the names in the archive."""
    folder = tmp_path / "made.gdb"
    for name, count in (("roads", 3), ("Plätze", 5)):
        table = pa.table({"n": pa.array(range(count), pa.int32()), "geom": shapely.to_wkb(points(count))})
        pyogrio.write_arrow(
            table, folder, layer=name, driver="OpenFileGDB", geometry_name="geom", geometry_type="Point",
            crs="EPSG:4326", append=folder.exists(),
        )  # fmt: skip
    notes = pa.table({"note": ["a"]})
    pyogrio.write_arrow(notes, folder, layer="notes", driver="OpenFileGDB", append=True)
    return {f"data/made.gdb/{each.name}": each.read_bytes() for each in folder.iterdir()}


def test_all_feature_classes(read_all: Callable[..., list[ReadLayer]], files: dict[str, bytes]) -> None:
    litter = {"data/made.gdb/a00000001.gdbtable.lock": b"x", "readme.txt": b"x"}
    roads, places = read_all("a.gdb.zip", zipped(files | litter))

    assert (roads.name, roads.crs, roads.column("n")) == ("roads", "EPSG:4326", [0, 1, 2])
    assert (places.name, places.column(places.fid_column or "")) == ("Plätze", [1, 2, 3, 4, 5])
    assert [(each.code, each.context["layers"]) for each in roads.findings] == [("LAYERS_SKIPPED", ["notes"])]


def test_the_zip_may_be_called_anything(
    read_all: Callable[..., list[ReadLayer]], files: dict[str, bytes]
) -> None:
    (places,) = read_all("a.zip", zipped(files), layers=["Plätze"])

    assert (places.rows.num_rows, places.findings) == (5, ())


def test_features_are_counted_without_gdal(admitted: Admit, files: dict[str, bytes]) -> None:
    assert [layer.census.feature_count for layer in admitted("a.gdb.zip", zipped(files))] == [3, 5]


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.1])
def test_a_table_that_is_cut_off_never_passes(refusal: Refusal, files: dict[str, bytes], kept: float) -> None:
    places = sorted(name for name in files if name.endswith(".gdbtable"))[-2]  # numbered as they were made
    cut = files | {places: files[places][: int(len(files[places]) * kept)]}

    assert refusal("a.gdb.zip", zipped(cut)).code in ("GEOMETRY_UNREADABLE", "CONTENT_MISMATCH")


def test_an_unknown_layer(refusal: Refusal, files: dict[str, bytes]) -> None:
    error = refusal("a.gdb.zip", zipped(files), layers=["notes"])

    assert (error.code, error.context["layers"]) == ("LAYER_NOT_FOUND", ["roads", "Plätze"])


def test_something_else_in_the_folder(refusal: Refusal, files: dict[str, bytes]) -> None:
    assert refusal("a.gdb.zip", zipped(files | {"data/made.gdb/run.exe": b"MZ"})).code == "ARCHIVE_UNSAFE"
