"""CRS of sources and tables, and the way between them."""

import numpy as np
import pyproj
import pytest

from core.errors import PermanentTaskError
from core.task_models.finding import Severity
from services.vector.crs import degrees_of, planned_reprojection, reprojection
from tests.chunk_rows import table_plan

_OF_OUR_OWN = "+proj=laea +lat_0=52 +lon_0=10 +ellps=GRS80 +units=m +no_defs"
_ESRI_OSGB = (
    'PROJCS["British_National_Grid",GEOGCS["GCS_OSGB_1936",DATUM["D_OSGB_1936",'
    'SPHEROID["Airy_1830",6377563.396,299.3249646]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",400000.0],PARAMETER["False_Northing",-100000.0],'
    'PARAMETER["Central_Meridian",-2.0],PARAMETER["Scale_Factor",0.9996012717],'
    'PARAMETER["Latitude_Of_Origin",49.0],UNIT["Meter",1.0]]'
)


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:4326",
        "OGC:CRS84",
        "EPSG:4979",
        "EPSG:9518",
        "urn:ogc:def:crs:EPSG::4326",
        "urn:ogc:def:crs:OGC:1.3:CRS84",
        "http://www.opengis.net/def/crs/EPSG/0/4326",
        pyproj.CRS(4326).to_wkt("WKT1_ESRI"),
    ],
)
def test_there_is_nothing_to_do_between_spellings_of_one_crs(crs: str) -> None:
    """Whatever order of axes they name, and with or without heights."""
    way = reprojection(crs, "EPSG:4326")

    assert (way.transformer, way.operation, way.accuracy, way.findings) == (None, None, None, ())


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [
        ("EPSG:3857", 1113194.9079327357, 6800125.454397307),
        ("EPSG:900913", 1113194.9079327357, 6800125.454397307),
        ("ESRI:102100", 1113194.9079327357, 6800125.454397307),
        ("EPSG:3035", 4321000.0, 3210000.0),
    ],
)
def test_x_is_east_and_y_is_north(crs: str, x: float, y: float) -> None:
    """EPSG:3035 and EPSG:4326 name the north first."""
    east, north = reprojection(crs, "EPSG:4326").apply(np.array([x]), np.array([y]))
    assert (east[0], north[0]) == pytest.approx((10, 52), abs=1e-6)

    east, north = reprojection("EPSG:4326", "EPSG:3035").apply(np.array([10.0]), np.array([52.0]))
    assert (east[0], north[0]) == pytest.approx((4321000.0, 3210000.0), abs=0.01)


def test_a_shift_of_nothing_is_recorded_and_not_done() -> None:
    way = reprojection("EPSG:4258", "EPSG:4326")

    assert (way.operation, way.accuracy, way.transformer) == ("ETRS89 to WGS 84 (1)", 1.0, None)


def test_the_label_is_the_code_where_there_is_one() -> None:
    assert reprojection(_ESRI_OSGB, "EPSG:4326").source_crs == "EPSG:27700"
    assert reprojection("EPSG:7415", "EPSG:4326").source_crs == "EPSG:28992"  # with heights: without them
    assert reprojection(_OF_OUR_OWN, "EPSG:4326").source_crs == "custom CRS"


def test_a_crs_of_ones_own_by_its_wkt() -> None:
    way = reprojection(pyproj.CRS(_OF_OUR_OWN).to_wkt(), "EPSG:4326")
    east, north = way.apply(np.zeros(1), np.zeros(1))

    assert (east[0], north[0]) == pytest.approx((10, 52))


def test_an_unknown_datum_is_a_warning() -> None:
    (finding,) = reprojection(_OF_OUR_OWN, "EPSG:4326").findings

    assert (finding.code, finding.severity) == ("CRS_BALLPARK", Severity.WARNING)


def test_a_missing_grid_is_told(recwarn: pytest.WarningsRecorder) -> None:
    way = reprojection(_ESRI_OSGB, "EPSG:4326")

    assert [finding.code for finding in way.findings] == ["CRS_GRID_MISSING"]
    assert way.accuracy == 2.0
    assert not recwarn.list


def test_the_bounds_choose_the_operation() -> None:
    """ED50 has one for each country."""
    norway = reprojection("EPSG:4230", "EPSG:4326", bbox=(3, 58, 5, 62))
    spain = reprojection("EPSG:4230", "EPSG:4326", bbox=(-4, 37, -2, 40))

    assert norway.operation != spain.operation


def test_the_plan_names_the_same_way() -> None:
    plan = table_plan(crs="EPSG:27700", bbox=(4e5, 3e5, 5e5, 4e5))
    way = planned_reprojection(plan)

    assert way.operation == reprojection("EPSG:27700", "EPSG:4326", bbox=plan.source_bbox).operation
    assert planned_reprojection(plan.model_copy()) is way


@pytest.mark.parametrize("crs", [None, "", 'LOCAL_CS["unknown",UNIT["m",1]]', "Undefined geographic SRS"])
def test_no_crs(crs: str | None) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        reprojection(crs, "EPSG:4326")
    assert caught.value.code in ("CRS_MISSING", "CRS_UNKNOWN")


@pytest.mark.parametrize(
    "crs",
    ["EPSG:999999", "EPSG:5773", "EPSG:4978", 'LOCAL_CS["a factory",UNIT["metre",1]]', "file:///etc/passwd"],
)
def test_what_is_no_place_on_earth_is_refused(crs: str) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        reprojection(crs, "EPSG:4326")
    assert caught.value.code == "CRS_UNKNOWN"


@pytest.mark.parametrize("target", ["EPSG:99999", "EPSG:5773", "EPSG:4979", "EPSG:4978"])
def test_the_target_is_a_two_dimensional_map_crs(target: str) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        reprojection("EPSG:4326", target)
    assert caught.value.code == "CRS_UNKNOWN"


def test_grads_go_to_400() -> None:
    way = reprojection("EPSG:4807", "EPSG:4326")
    places = way.is_source_place(np.array([399.0, 401.0, 1.0]), np.array([0.0, 0.0, 101.0]))

    assert places.tolist() == [True, False, False]


def test_the_width_of_the_world_is_known_of_cylinders_only() -> None:
    widths = [reprojection(crs, "EPSG:4326").source_width for crs in ("EPSG:3857", "EPSG:3832", "EPSG:32633")]

    assert widths == [pytest.approx(40_075_016.68), pytest.approx(40_075_016.68), None]


@pytest.mark.parametrize("bbox", [(-2.3e7, 0, 2.2e7, 1e6), (-1.9e7, 0, 2.2e7, 1e6)])
def test_bounds_beyond_both_edges_of_a_map_go_around(bbox: tuple[float, float, float, float]) -> None:
    west, _, east, _ = degrees_of(bbox, "EPSG:3857") or (0,) * 4
    assert (west, east) == (-180, 180)

    west, _, east, _ = reprojection("EPSG:3857", "EPSG:4326").bounds(bbox) or (0,) * 4
    assert (west, east) == (-180, 180)


def test_bounds_go_on_beyond_the_antimeridian() -> None:
    west, south, east, north = reprojection("EPSG:3832", "EPSG:4326").bounds((2e6, 0, 4e6, 1e6)) or (0,) * 4

    assert west < 180 < east
    assert degrees_of((2e6, 0, 4e6, 1e6), "EPSG:3832") == pytest.approx((west, south, east - 360, north))
