"""Geometries of every kind and fault, and what each policy makes of them."""

from pathlib import Path

import shapely

from tests.corpus.vector.case import Door, Table, accepted, case, refused
from tests.corpus.vector.geoparquet import write_geoparquet
from tests.corpus.vector.making import (
    ARC,
    COMPOUND,
    CURVED_POLYGON,
    ENDLESS_X,
    NOT_A_PLACE,
    OPEN_RING,
    SHORT_RING,
    TIN,
    feature,
    geopackage_blob,
    nested_collections,
)
from tests.vectors import BOW_TIE, ONE_OF_EACH_TYPE, SQUARE, edit_geopackage, geojson_text, write_geopackage

_EMPTY = shapely.from_wkt("POLYGON EMPTY")
_MIXTURE = [shapely.Point(1, 2), shapely.LineString([(0, 0), (1, 1)]), SQUARE]
_HOLED = shapely.Polygon(
    [(0, 0), (0, 9), (9, 9), (9, 0)], [[(1, 1), (2, 1), (2, 2), (1, 2)]]
)  # both the wrong way round
_TOUCHING = shapely.Polygon(
    [(0, 0), (4, 0), (4, 4), (0, 4)], [[(0, 0), (2, 1), (1, 2)], [(0, 0), (3, 0.5), (2, 1)]]
)


# -- without a place ----------------------------------------------------------------------------------


@case(
    "null_and_empty.gpkg",
    accepted(Table("data", 3, "MultiPolygon", nulls=1), steps={"null_geometry": 1, "empty_geometry": 1}),
)
def null_and_empty(path: Path) -> None:
    write_geopackage(path, [SQUARE, None, _EMPTY])


@case(
    "null_and_empty_rejected.gpkg",
    accepted(Table("data", 3, "MultiPolygon", nulls=1, rejected={"NULL_GEOMETRY": 1, "EMPTY_GEOMETRY": 1})),
    null_geometry="reject",
    empty_geometry="reject",
    max_failed_fraction=1,
)
def null_and_empty_rejected(path: Path) -> None:
    write_geopackage(path, [SQUARE, None, _EMPTY])


@case("null_refused.gpkg", refused("FEATURES_REJECTED", door=Door.LOADING), null_geometry="reject")
def null_refused(path: Path) -> None:
    write_geopackage(path, [SQUARE, None])


@case("only_nulls.gpkg", refused("ALL_GEOMETRY_NULL", door=Door.PLANNING))
def only_nulls(path: Path) -> None:
    write_geopackage(path, [None, None])


# -- invalid ------------------------------------------------------------------------------------------


@case(
    "bow_tie.gpkg",
    accepted(Table("data", 2, "MultiPolygon"), steps={"invalid_geometry": 1}),
)
def bow_tie(path: Path) -> None:
    write_geopackage(path, [SQUARE, BOW_TIE])


@case(
    "bow_tie_kept.gpkg",
    accepted(Table("data", 2, "MultiPolygon"), steps={"invalid_geometry": 1}),
    invalid_geometry="keep",
)
def bow_tie_kept(path: Path) -> None:
    write_geopackage(path, [SQUARE, BOW_TIE])


@case(
    "bow_tie_rejected.gpkg",
    accepted(Table("data", 2, "MultiPolygon", rejected={"INVALID_GEOMETRY": 1})),
    invalid_geometry="reject",
    max_failed_fraction=0.5,
)
def bow_tie_rejected(path: Path) -> None:
    write_geopackage(path, [SQUARE, BOW_TIE])


@case("bow_tie_refused.gpkg", refused("FEATURES_REJECTED", door=Door.LOADING), invalid_geometry="reject")
def bow_tie_refused(path: Path) -> None:
    write_geopackage(path, [SQUARE, BOW_TIE])


@case("overlapping_holes.gpkg", accepted(Table("data", 1, "MultiPolygon"), steps={"invalid_geometry": 1}))
def overlapping_holes(path: Path) -> None:
    write_geopackage(path, [_TOUCHING])


@case("open_ring.parquet", accepted(Table("open_ring", 2, "MultiPolygon"), steps={"broken_geometry": 1}))
def open_ring(path: Path) -> None:
    write_geoparquet(path, [shapely.to_wkb(SQUARE), OPEN_RING])


@case(
    "collapsed_ring.parquet",
    accepted(Table("collapsed_ring", 2, "MultiPolygon", rejected={"BROKEN_GEOMETRY": 1})),
    max_failed_fraction=0.5,
)
def collapsed_ring(path: Path) -> None:
    write_geoparquet(path, [shapely.to_wkb(SQUARE), SHORT_RING])


@case(
    "wrong_way_round.gpkg",
    accepted(Table("data", 2, "MultiPolygon"), steps={"orientation": 1}),
)
def wrong_way_round(path: Path) -> None:
    write_geopackage(path, [SQUARE, _HOLED])


@case("no_number.parquet", refused("FEATURES_REJECTED", door=Door.LOADING))
def no_number(path: Path) -> None:
    write_geoparquet(path, [shapely.to_wkb(shapely.Point(1, 2)), NOT_A_PLACE])


@case(
    "endless_number.parquet",
    accepted(Table("endless_number", 2, "Point", rejected={"COORDINATES_OUT_OF_RANGE": 1})),
    max_failed_fraction=0.5,
)
def endless_number(path: Path) -> None:
    write_geoparquet(path, [shapely.to_wkb(shapely.Point(1, 2)), ENDLESS_X])


@case("torn_wkb.parquet", refused("GEOMETRY_UNREADABLE", "FEATURES_REJECTED", door=Door.LOADING))
def torn_wkb(path: Path) -> None:
    write_geoparquet(path, [shapely.to_wkb(SQUARE), shapely.to_wkb(SQUARE)[:50]])


@case("nested_collections.parquet", refused("GEOMETRY_UNREADABLE"))
def deeply_nested_collections(path: Path) -> None:
    write_geoparquet(path, [nested_collections(200_000)])


# -- kinds --------------------------------------------------------------------------------------------


@case("curves.gpkg", accepted(Table("data", 2, "MultiLineString"), steps={"curves": 2}))
def curves(path: Path) -> None:
    _blobs(path, ARC, COMPOUND)


@case("curved_polygon.gpkg", accepted(Table("data", 1, "MultiPolygon"), steps={"curves": 1}))
def curved_polygon(path: Path) -> None:
    _blobs(path, CURVED_POLYGON)


@case("triangles.gpkg", accepted(Table("data", 1, "MultiPolygonZ")))
def triangles(path: Path) -> None:
    _blobs(path, TIN)


@case(
    "one_of_each_type.gpkg",
    accepted(Table("data", 7, "Geometry")),
)
def one_of_each_type(path: Path) -> None:
    write_geopackage(path, list(ONE_OF_EACH_TYPE.values()))


@case(
    "mixture_split.gpkg",
    accepted(
        Table("data", 1, "MultiLineString", family="lines"),
        Table("data", 1, "Point", family="points"),
        Table("data", 1, "MultiPolygon", family="polygons"),
        Table("data", 1, "Geometry", nulls=1, family="without_geometry"),
    ),
    mixed_geometry="split",
)
def mixture_split(path: Path) -> None:
    write_geopackage(path, [*_MIXTURE, None])


@case("mixture_refused.gpkg", refused("MIXED_GEOMETRY", door=Door.PLANNING), mixed_geometry="error")
def mixture_refused(path: Path) -> None:
    write_geopackage(path, _MIXTURE)


@case(
    "single_and_multi.gpkg",
    accepted(Table("data", 2, "MultiPolygon"), steps={"single_to_multi": 1}),
)
def single_and_multi(path: Path) -> None:
    write_geopackage(path, [SQUARE, ONE_OF_EACH_TYPE["MultiPolygon"]])


@case("points_and_multipoints.gpkg", accepted(Table("data", 2, "MultiPoint"), steps={"single_to_multi": 1}))
def points_and_multipoints(path: Path) -> None:
    write_geopackage(path, [shapely.Point(1, 2), ONE_OF_EACH_TYPE["MultiPoint"]])


@case("collections.gpkg", accepted(Table("data", 1, "GeometryCollection")))
def collections(path: Path) -> None:
    write_geopackage(path, [ONE_OF_EACH_TYPE["GeometryCollection"]])


@case(
    "collections_extracted.gpkg",
    accepted(Table("data", 2, "MultiPolygon"), steps={"geometry_collection": 1}),
    geometry_collection="extract",
)
def collections_extracted(path: Path) -> None:
    write_geopackage(path, [ONE_OF_EACH_TYPE["GeometryCollection"], SQUARE])


# -- dimensions ---------------------------------------------------------------------------------------


@case("heights.gpkg", accepted(Table("data", 2, "PointZ")))
def heights(path: Path) -> None:
    write_geopackage(path, [shapely.Point(1, 2, 3), shapely.Point(2, 3, 4)])


@case("some_heights.geojson", accepted(Table("some_heights", 2, "PointZ"), steps={"dimensions": 1}))
def some_heights(path: Path) -> None:
    path.write_bytes(
        geojson_text(
            [
                feature({"type": "Point", "coordinates": [1, 2, 3]}),
                feature({"type": "Point", "coordinates": [1, 2]}),
            ]
        )
    )


@case("heights_dropped.gpkg", accepted(Table("data", 1, "Point"), steps={"dimensions": 1}), dimensions="2d")
def heights_dropped(path: Path) -> None:
    write_geopackage(path, [shapely.Point(1, 2, 3)])


@case("measures.gpkg", accepted(Table("data", 1, "MultiLineStringZM")))
def measures(path: Path) -> None:
    write_geopackage(path, [shapely.from_wkt("LINESTRING ZM (0 0 1 10, 1 1 2 20)")])


@case("only_measures.gpkg", accepted(Table("data", 1, "PointM")))
def only_measures(path: Path) -> None:
    write_geopackage(path, [shapely.from_wkt("POINT M (1 2 30)")])


def _blobs(path: Path, *geometries: bytes) -> None:
    """A GeoPackage with just these WKBs, which not every writer makes."""
    write_geopackage(path, [shapely.Point(1, 2)] * len(geometries))
    edit_geopackage(
        path,
        *(
            f"UPDATE data SET geom = x'{geopackage_blob(each).hex()}' WHERE fid = {number}"
            for number, each in enumerate(geometries, start=1)
        ),
    )
