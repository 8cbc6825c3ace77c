"""Boxes in degrees, brought to the CRS of a table."""

import math

import pytest

from triggers.serving.places import bbox_filter, parts_of, projected


def test_a_box_across_the_antimeridian_is_two() -> None:
    assert parts_of((170, -10, -170, 10)) == [(170, -10, 180.0, 10), (-180.0, -10, -170, 10)]
    assert parts_of((-10, -10, 10, 10)) == [(-10, -10, 10, 10)]


def test_what_is_asked_for_is_cut_to_where_the_data_lie() -> None:
    """UTM has no place for the whole world, but for all of the data in it."""
    data = (12.0, 50.0, 13.0, 51.0)
    [box] = projected((-180, -90, 180, 90), srid=32633, data=data) or []
    assert all(map(math.isfinite, box))
    assert box == pytest.approx((284_000, 5_539_000, 360_000, 5_656_000), abs=3_000)
    assert projected((-60, -10, -50, 0), srid=32633, data=data) == []


def test_without_a_place_nothing_is_known() -> None:
    assert projected((-180, -90, 180, 90), srid=32633, data=None) is None


@pytest.mark.parametrize(
    ("srid", "expected"),
    [
        (4326, "st_intersects(geom"),
        (3857, "st_intersects(st_transform(geom, 4326)"),
        (32633, "st_intersects(st_transform(geom, 4326)"),
    ],
)
def test_filters_are_of_the_column_where_they_can(srid: int, expected: str) -> None:
    box = (-180, -90, 180, 90) if srid == 32633 else (1, 2, 3, 4)
    text = bbox_filter(box, column="geom", srid=srid, data=None).to_sql()
    assert expected in text


def test_heights_of_a_box_do_not_matter_and_what_lies_elsewhere_is_nowhere() -> None:
    flat = bbox_filter((1, 2, 3, 4), column="geom", srid=4326, data=None)
    assert bbox_filter((1, 2, -5, 3, 4, 5), column="geom", srid=4326, data=None).to_sql() == flat.to_sql()
    away = bbox_filter((1, 2, 3, 4), column="geom", srid=32633, data=(50, 50, 51, 51))
    assert away.to_sql() == "1 = 0"
