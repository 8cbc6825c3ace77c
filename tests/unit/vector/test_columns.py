"""Names and types of columns."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PermanentTaskError
from services.vector.columns import RESERVED, plan_columns, safe_names, sql_type


@pytest.mark.parametrize(
    ("source_name", "name"),
    [
        ("Name", "name"),
        ("Area (km²)", "area_km2"),
        ("Größe", "grosse"),
        ("Ｆｕｌｌ", "full_"),
        ("_private", "private"),
        ("2024", "c_2024"),
        ("select", "select_"),
        ("FID", "fid_"),
        ("geom", "geom_"),
        ("ctid", "ctid_"),
        ("", "column_1"),
        ("名前", "column_1"),
        ('a"; DROP TABLE x; --', "a_drop_table_x"),
    ],
)
def test_a_name_becomes_safe(source_name: str, name: str) -> None:
    assert safe_names([source_name]) == (name,)


def test_names_that_fold_to_one_are_told_apart() -> None:
    assert safe_names(["A", "a", "a_2", "á"]) == ("a", "a_2", "a_2_2", "a_3")


def test_long_names_stay_different_after_the_cut() -> None:
    first, second = safe_names(["x" * 60 + "_v1", "x" * 60 + "_v2"])

    assert (len(first), len(second)) == (48, 48)
    assert first != second


@given(st.lists(st.text(max_size=60), max_size=30))
def test_any_names_give_safe_and_different_ones(source_names: list[str]) -> None:
    names = safe_names(source_names)

    assert len(set(names)) == len(source_names)
    assert all(re.fullmatch(r"[a-z_][a-z0-9_]{0,47}", name) and name not in RESERVED for name in names)


@pytest.mark.parametrize(
    ("arrow_type", "name"),
    [
        (pa.int64(), "bigint"),
        (pa.int32(), "integer"),
        (pa.int16(), "smallint"),
        (pa.float64(), "double precision"),
        (pa.float32(), "real"),
        (pa.bool_(), "boolean"),
        (pa.string(), "text"),
        (pa.date32(), "date"),
        (pa.time32("ms"), "time"),
        (pa.timestamp("ms"), "timestamp"),
        (pa.timestamp("ms", "UTC"), "timestamptz"),
        (pa.binary(), "bytea"),
        (pa.list_(pa.string()), "jsonb"),
        (pa.json_(pa.string()), "jsonb"),
    ],
)
def test_arrow_types_have_sql_types(arrow_type: pa.DataType, name: str) -> None:
    assert sql_type(pa.field("a", arrow_type)) == name


def test_a_type_without_a_place_in_sql_is_refused() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        sql_type(pa.field("a", pa.decimal128(38)))

    assert (caught.value.code, caught.value.context["column"]) == ("COLUMN_LIMIT", "a")


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        plan_columns(pa.field(f"c{number}", pa.int32()) for number in range(1_001))

    assert caught.value.code == "COLUMN_LIMIT"
