"""The GeoPackage of the rejected features."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyogrio
import pytest
import shapely

from core.task_models.vector import TablePlan, VectorColumn
from services.vector.chunks import DETAIL, REASON
from services.vector.rejects import write_rejects
from tests.chunk_rows import Given, chunk, table_plan

COLUMNS = (
    VectorColumn(name="name", sql_type="text", source_name="Name"),
    VectorColumn(name="day", sql_type="date", source_name="Day"),
    VectorColumn(name="reject_row", sql_type="integer", source_name="reject_row"),
    VectorColumn(name="size", sql_type="numeric(20,2)", source_name="size"),
)


def _file(path: Path, geometries: list[Given], **columns: pa.Array) -> Path:
    batch = chunk(geometries, **columns)
    for name in (REASON, DETAIL):
        batch = batch.append_column(name, pa.array([f"{name}_{number}" for number in range(len(geometries))]))
    with pa.ipc.new_file(str(path), batch.schema) as writer:
        writer.write_batch(batch)
    return path


def _values(count: int) -> dict[str, pa.Array]:
    days = pa.array([2**31 - 9, *[0] * (count - 1)], pa.int32()).cast(pa.date32())
    return {
        "name": pa.array(["a\0b", *[None] * (count - 1)], pa.string()),
        "day": days,
        "reject_row": pa.array(range(7, 7 + count), pa.int32()),
        "size": pa.array([Decimal(1)] * count, pa.decimal128(20, 2)),
    }


def _read(path: Path, layer: str) -> tuple[dict[str, list[object]], list[shapely.Geometry | None]]:
    _, _, wkb, values = pyogrio.raw.read(path, layer=layer)
    meta = pyogrio.read_info(path, layer=layer)
    geometries = [None if each is None else shapely.from_wkb(each) for each in wkb]
    return dict(zip(meta["fields"], (list(each) for each in values), strict=True)), geometries


def _plan(**changes: object) -> TablePlan:
    return table_plan(columns=COLUMNS, **changes)  # type: ignore[arg-type]


def test_features_are_as_they_were_with_their_reasons(tmp_path: Path) -> None:
    given: list[Given] = [
        "POINT Z (500 1 7)",
        None,
        b"rubbish",
        "POINT (nan 1)",
        "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))",
    ]
    rows = _file(tmp_path / "r.arrow", given, **_values(5))
    write_rejects([(_plan(), [rows])], tmp_path / "r.gpkg")

    values, geometries = _read(tmp_path / "r.gpkg", "places")
    assert [None if each is None else each.wkt for each in geometries] == [
        "POINT Z (500 1 7)", None, None, None, "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))",
    ]  # fmt: skip
    assert values["reject_wkb"][2] == b"rubbish"
    assert [each is None for each in values["reject_wkb"]] == [True, True, False, False, True]
    assert values["reject_row_2"] == [100, 101, 102, 103, 104]
    assert values["reject_fid"] == [1, 2, 3, 4, 5]
    assert values["reject_reason"] == [f"__reason_{number}" for number in range(5)]
    assert values["reject_detail"] == [f"__detail_{number}" for number in range(5)]
    assert values["reject_row"] == [7, 8, 9, 10, 11]
    assert values["name"][:2] == ["a\ufffdb", None]
    assert values["day"] == ["<value out of range: 2147483639>", *["1970-01-01"] * 4]
    assert values["size"] == ["1.00"] * 5


@pytest.mark.parametrize("crs", ["EPSG:25832", "EPSG:4326"])
def test_the_crs_is_that_of_the_source(tmp_path: Path, crs: str) -> None:
    rows = _file(tmp_path / "r.arrow", ["POINT (1 2)"], **_values(1))
    write_rejects([(_plan(crs=crs), [rows])], tmp_path / "r.gpkg")

    assert pyogrio.read_info(tmp_path / "r.gpkg")["crs"] == crs


def test_a_layer_for_each_table_under_names_that_can_be(tmp_path: Path) -> None:
    rows = _file(tmp_path / "r.arrow", ["POINT (1 2)"], **_values(1))
    names = ["A", "a", "sqlite_x", "GPKGdata", "x\0\n'\"; drop table", " ", "A"]
    plans = [_plan(layer=name) for name in names] + [_plan(layer="A", family="points")]
    write_rejects([(plan, [rows, rows]) for plan in plans], tmp_path / "r.gpkg")

    found = [name for name, _ in pyogrio.list_layers(tmp_path / "r.gpkg").tolist()]
    assert found == [
        "A",
        "a_2",
        "layer sqlite_x",
        "layer GPKGdata",
        "x '\"; drop table",
        "layer",
        "a_3",
        "A points",
    ]
    assert {pyogrio.read_info(tmp_path / "r.gpkg", layer=name)["features"] for name in found} == {2}


def test_the_same_features_give_the_same_bytes(tmp_path: Path) -> None:
    rows = _file(tmp_path / "r.arrow", ["POINT (1 2)", None], **_values(2))
    for name in ("a.gpkg", "b.gpkg"):
        write_rejects([(_plan(), [rows])], tmp_path / name)

    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
