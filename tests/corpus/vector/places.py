"""Where features lie: reference systems, their axes, and the edges of the globe."""

from pathlib import Path

import shapely

from tests.corpus.vector.case import Door, Table, accepted, case, refused
from tests.corpus.vector.making import TWO_PLACES, quiet
from tests.vectors import BOW_TIE, SQUARE, edit_geopackage, geojson, write_geopackage

_UTM = [shapely.Point(565_000, 5_930_000), shapely.Point(566_000, 5_931_000)]
_LOCAL = (
    'PROJCS["Mine",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["latitude_of_origin",50],PARAMETER["central_meridian",9.5],PARAMETER["scale_factor",1],'
    'PARAMETER["false_easting",1000],PARAMETER["false_northing",2000],UNIT["metre",1]]'
)
_ACROSS = shapely.box(170, 10, 190, 20)
_GRID = [shapely.Point(x, 10) for x in (10, 200, 359)]


@case("utm.gpkg", accepted(Table("data", 2, "Point")))
def utm(path: Path) -> None:
    write_geopackage(path, _UTM, crs="EPSG:25832")


@case("utm_kept.gpkg", accepted(Table("data", 2, "Point", srid=25832)), target_crs="EPSG:25832")
def utm_kept(path: Path) -> None:
    write_geopackage(path, _UTM, crs="EPSG:25832")


@case("to_web_mercator.gpkg", accepted(Table("data", 2, "Point", srid=3857)), target_crs="EPSG:3857")
def to_web_mercator(path: Path) -> None:
    write_geopackage(path, TWO_PLACES)


@case("old_datum.gpkg", accepted(Table("data", 1, "Point")))
def old_datum(path: Path) -> None:
    """DHDN, some 100 metres beside ETRS89: an operation with an accuracy, or a ballpark that is told."""
    write_geopackage(path, [shapely.Point(3_565_000, 5_930_000)], crs="EPSG:31467")


@case("crs_of_our_own.gpkg", accepted(Table("data", 1, "Point")))
def crs_of_our_own(path: Path) -> None:
    write_geopackage(path, [shapely.Point(1500, 2500)], crs=_LOCAL)


@case("no_crs.gpkg", refused("CRS_MISSING", door=Door.PLANNING))
def no_crs(path: Path) -> None:
    with quiet():
        write_geopackage(path, _UTM, crs=None)


@case("crs_assigned.gpkg", accepted(Table("data", 2, "Point")), source_crs="EPSG:25832")
def crs_assigned(path: Path) -> None:
    with quiet():
        write_geopackage(path, _UTM, crs=None)


@case("crs_corrected.gpkg", accepted(Table("data", 2, "Point")), source_crs="EPSG:25832")
def crs_corrected(path: Path) -> None:
    write_geopackage(path, _UTM, crs="EPSG:3857")


@case("crs_without_a_place.gpkg", refused("CRS_UNKNOWN", "CRS_MISSING", door=Door.PLANNING))
def crs_without_a_place(path: Path) -> None:
    write_geopackage(path, _UTM, crs='LOCAL_CS["a factory floor",UNIT["metre",1]]')


@case("metres_called_degrees.gpkg", refused("FEATURES_REJECTED", door=Door.LOADING))
def metres_called_degrees(path: Path) -> None:
    write_geopackage(path, _UTM)


@case(
    "beyond_the_pole.gpkg",
    accepted(Table("data", 2, "Point", rejected={"COORDINATES_OUT_OF_RANGE": 1})),
    max_failed_fraction=0.5,
)
def beyond_the_pole(path: Path) -> None:
    write_geopackage(path, [shapely.Point(10, 50), shapely.Point(10, 95)])


@case(
    "across_the_antimeridian.gpkg",
    accepted(Table("data", 2, "MultiPolygon"), steps={"antimeridian": 1}),
)
def across_the_antimeridian(path: Path) -> None:
    write_geopackage(path, [_ACROSS, SQUARE])


@case("across_kept.gpkg", accepted(Table("data", 2, "MultiPolygon")), antimeridian="keep")
def across_kept(path: Path) -> None:
    write_geopackage(path, [_ACROSS, SQUARE])


@case("line_across.gpkg", accepted(Table("data", 1, "MultiLineString"), steps={"antimeridian": 1}))
def line_across(path: Path) -> None:
    write_geopackage(path, [shapely.LineString([(175, 0), (185, 5)])])


@case("longitudes_to_360.gpkg", accepted(Table("data", 3, "Point"), steps={"antimeridian": 2}))
def longitudes_to_360(path: Path) -> None:
    write_geopackage(path, _GRID)


@case("around_the_pole.geojson", accepted(Table("around_the_pole", 1, "MultiPolygon")))
def around_the_pole(path: Path) -> None:
    ring = [(-180, 80), (180, 80), (180, 90), (-180, 90)]
    path.write_bytes(geojson([shapely.Polygon(ring)]))


@case("the_date_line.geojson", accepted(Table("the_date_line", 2, "Point")))
def the_date_line(path: Path) -> None:
    path.write_bytes(geojson([shapely.Point(180, 0), shapely.Point(-180, 0)]))


@case("mercator_beyond_reach.gpkg", refused("FEATURES_REJECTED", door=Door.LOADING), target_crs="EPSG:3857")
def mercator_beyond_reach(path: Path) -> None:
    write_geopackage(path, [shapely.Point(10, 50), shapely.Point(0, 90)])


@case(
    "copies.gpkg",
    accepted(Table("data", 4, "Point"), steps={"duplicates": 2}),
)
def copies(path: Path) -> None:
    _copies(path)


@case(
    "copies_dropped.gpkg",
    accepted(Table("data", 4, "Point", rejected={"DUPLICATE": 2})),
    duplicates="drop",
    max_failed_fraction=0.5,
)
def copies_dropped(path: Path) -> None:
    _copies(path)


@case(
    "invalid_in_metres.gpkg",
    accepted(Table("data", 1, "MultiPolygon"), steps={"invalid_geometry": 1}),
)
def invalid_in_metres(path: Path) -> None:
    large = shapely.transform(BOW_TIE, lambda xy: xy * 1000 + [565_000, 5_930_000])
    write_geopackage(path, [large], crs="EPSG:25832")


@case(
    "damaged_crs_table.gpkg", refused("CRS_MISSING", "CRS_UNKNOWN", "CONTENT_MISMATCH", "GEOMETRY_UNREADABLE")
)
def damaged_crs_table(path: Path) -> None:
    write_geopackage(path, _UTM, crs="EPSG:25832")
    edit_geopackage(path, "DELETE FROM gpkg_spatial_ref_sys WHERE srs_id = 25832")


def _copies(path: Path) -> None:
    write_geopackage(
        path,
        [shapely.Point(1, 2), shapely.Point(1, 2), shapely.Point(1, 2), shapely.Point(1, 2)],
        {"name": ["a", "a", "b", "a"]},
    )
