"""Which type the column of a table gets."""

import pytest

from core.task_models.vector import CleaningOptions
from services.vector.cleaning.types import TableType, family_of, table_geometry_type, type_ids_of
from tests.chunk_rows import wkb_of


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({1}, "Point"),
        ({0, 1}, "Point"),
        ({1, 4}, "MultiPoint"),
        ({2}, "MultiLineString"),
        ({3}, "MultiPolygon"),
        ({3, 6, 1003}, "MultiPolygonZ"),
        ({2001, 1001}, "PointZM"),
        ({3001, 1}, "PointZM"),
        ({2002}, "MultiLineStringM"),
        ({7}, "GeometryCollection"),
        ({1, 2}, "Geometry"),
        ({6, 7}, "Geometry"),
        ({1003, 2}, "GeometryZ"),
        ({0}, "Geometry"),
        (set(), "Geometry"),
        ({-1, 1}, "Point"),
    ],
)
def test_one_type_holds_all(ids: set[int], expected: str) -> None:
    assert table_geometry_type(ids, options=CleaningOptions()) == expected


def test_no_heights_where_none_are_wanted() -> None:
    assert table_geometry_type({1003, 3006}, options=CleaningOptions(dimensions="2d")) == "MultiPolygon"


@pytest.mark.parametrize(
    "name", ["Point", "MultiPolygonZ", "GeometryM", "GeometryCollectionZM", "LineString"]
)
def test_names_are_understood(name: str) -> None:
    assert TableType.of(name).name == name


def test_types_of_a_column() -> None:
    given = ["POINT Z (1 2 3)", None, "POLYGON EMPTY", b"rubbish", "MULTIPOINT M ((1 2 3))", "POINT EMPTY"]

    assert type_ids_of(wkb_of(given), options=CleaningOptions()).tolist() == [1001, 0, 0, 0, 2004, 0]


def test_collections_count_as_what_is_extracted() -> None:
    high = "POLYGON Z ((0 0 1, 1 0 1, 1 1 1, 0 0 1))"
    collections = wkb_of(
        [
            "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))",
            f"GEOMETRYCOLLECTION Z (POINT Z (1 2 3), GEOMETRYCOLLECTION Z ({high}))",
            "GEOMETRYCOLLECTION (POINT (1 2), POLYGON EMPTY)",
        ]
    )
    kept, extracted = CleaningOptions(), CleaningOptions(geometry_collection="extract")

    assert type_ids_of(collections, options=kept).tolist() == [7, 1007, 7]
    assert type_ids_of(collections, options=extracted).tolist() == [5, 1006, 4]


def test_families() -> None:
    assert {family_of(number) for number in (0, -1)} == {"without_geometry"}
    assert {family_of(number) for number in (1, 1004)} == {"points"}
    assert {family_of(number) for number in (2, 2005)} == {"lines"}
    assert {family_of(number) for number in (3, 3006)} == {"polygons"}
    assert family_of(7) == "collections"
