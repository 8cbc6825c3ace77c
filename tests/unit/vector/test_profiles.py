"""Profiles of columns out of PostgreSQL's statistics."""

import pytest

from core.task_models.vector import VectorColumn
from core.task_models.vector_tables import ColumnProfile
from core.vector_ports import ColumnStatistics
from services.vector.profiles import profiles


def profile(sql_type: str, **known: object) -> ColumnProfile:
    column = VectorColumn(name="v", sql_type=sql_type, source_name="V")
    given: dict[str, object] = {
        "null_fraction": 0.0, "distinct_count": -1.0, "common_values": (), "common_fractions": (),
        "bounds": (),
    }  # fmt: skip
    (made,) = profiles([column], [ColumnStatistics(name="v", **{**given, **known})], row_count=1_000)  # type: ignore[arg-type]
    return made


def test_numbers_that_are_all_different() -> None:
    made = profile("integer", bounds=tuple(str(n) for n in range(0, 1_001, 10)))

    assert (made.minimum, made.maximum, made.distinct, made.nulls) == (0.0, 1_000.0, 1_000, 0)
    assert made.histogram == (100,) * 10


def test_common_values_count_in_the_histogram() -> None:
    made = profile(
        "double precision", null_fraction=0.25, distinct_count=5.0,
        common_values=("0", "9.5"), common_fractions=(0.5, 0.05), bounds=("2", "3", "4"),
    )  # fmt: skip

    assert (made.nulls, made.distinct) == (250, 5)
    assert made.most_common == (("0", 500), ("9.5", 50))
    assert (made.histogram[0], made.histogram[-1], sum(made.histogram)) == (500, 50, 750)


def test_equal_bounds_are_a_step() -> None:
    made = profile("integer", bounds=("0", "10", "10", "10", "10"))

    assert made.histogram[-1] > 700


def test_one_value_alone() -> None:
    made = profile("integer", distinct_count=1.0, common_values=("7",), common_fractions=(1.0,))

    assert (made.minimum, made.maximum, sum(made.histogram)) == (7.0, 7.0, 1_000)


def test_numbers_that_are_none_are_left_out() -> None:
    made = profile("real", common_values=("NaN", "1"), common_fractions=(0.5, 0.5), bounds=("0", "Infinity"))

    assert (made.minimum, made.maximum) == (0.0, 1.0)


@pytest.mark.parametrize("sql_type", ["text", "date"])
def test_what_has_an_order_has_extremes(sql_type: str) -> None:
    made = profile(sql_type, bounds=("a" * 200, "b", "c"))

    assert (len(str(made.minimum)), made.maximum, made.histogram) == (100, "c", ())


def test_a_column_that_nothing_is_known_of() -> None:
    (made,) = profiles([VectorColumn(name="v", sql_type="text", source_name="V")], [], row_count=3)

    assert made == ColumnProfile(name="v")
