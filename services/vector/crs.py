"""Coordinate reference systems of vector layers, and the way from one to the other.

x is east and y is north everywhere, whatever the order of axes that an authority gives: it is how GDAL,
GeoJSON, WKB in GeoPackages and PostGIS order them (EPSG:4326 included). Heights are not transformed: both
systems are taken as two-dimensional. Lines stay straight between their vertices: no vertices are added on
the way (densified), so that what comes out has exactly the vertices that came in.

One operation serves a whole layer, the best that PROJ can do for its bounds without network and with the
grids that are installed. PROJ would otherwise choose anew for every coordinate, which tears neighbours apart
and cannot be recorded.
"""

import functools
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.vector import BoundingBox, TablePlan
from services.vector import crs_areas as areas
from services.vector.findings import info, warning

if TYPE_CHECKING:
    import pyproj
    from pyproj.aoi import AreaOfInterest

# What the GeoPackage standard calls "undefined" (srs_id -1 and 0) arrives under these names.
_UNDEFINED = ("undefined cartesian", "undefined geographic")
_ON_ELLIPSOID = "based on"  # so PROJ names the datum of a definition that gives an ellipsoid only
_NAMELESS = "unknown"  # how PROJ calls what has no name, be it a definition or none
_TOLERANCE = 1e-6  # degrees
# More than twice the circumference of the earth, in any unit that maps are made in: what a projection
# answers near a place that it cannot show (the poles in Mercator), and no place itself.
_LARGEST_MAP_COORDINATE = 1e8
_NOTHING_TO_DO = "proj=noop"


@dataclass(frozen=True, eq=False)
class Reprojection:
    """From the CRS of a source to that of its table.

    Attributes:
        source_crs: `AUTHORITY:CODE`, or the name that the CRS gives itself.
        source_crs_wkt: the same as WKT 2, two-dimensional.
        source_turn, target_turn: how many units once around the globe are; None of maps.
        source_width: of the world on the map of the source; None unless all parallels are as wide.
        operation, accuracy: of PROJ, and in metres; None where nothing is to be done or it is not known.
        transformer: None where coordinates stay as they are.
        area: where the target is made to be used, in its own coordinates; None of degrees, or if unknown.
        reach: the same of what is less than the globe, in coordinates of the source; None for no bounds.
    """

    source_crs: str
    source_crs_wkt: str
    target_crs: str
    source_turn: float | None
    target_turn: float | None
    operation: str | None
    accuracy: float | None
    transformer: "pyproj.Transformer | None"
    source_width: float | None = None
    area: BoundingBox | None = None
    reach: BoundingBox | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def is_geographic(self) -> bool:
        """Whether coordinates of the table are angles."""
        return self.target_turn is not None

    @property
    def srid(self) -> int:
        """The EPSG number of the target."""
        return int(self.target_crs.removeprefix("EPSG:"))

    def apply(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of the source in the target; inf where there is no such place."""
        return self._transformed(x, y, is_back=False)

    def back(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of the target in the source; inf where there is no such place."""
        return self._transformed(x, y, is_back=True)

    def bounds(self, bbox: BoundingBox) -> BoundingBox | None:
        """Bounds of the source in the target; angles go on beyond the antimeridian. None: there are none."""
        if self.transformer is None:
            return bbox
        found = areas.bounds_of(self.transformer, bbox)
        if self.target_turn == areas.TURN:
            found = areas.with_all_longitudes(found, bbox=bbox, width=self.source_width)
        return _with_east_last(found, self.target_turn)

    def is_source_place(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Which coordinates the CRS of the source can have: finite, and angles on the globe."""
        return _is_place(x, y, turn=self.source_turn)

    def is_target_place(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Which coordinates can be places in the CRS of the table."""
        return _is_place(x, y, turn=self.target_turn)

    def _transformed(self, x: np.ndarray, y: np.ndarray, *, is_back: bool) -> tuple[np.ndarray, np.ndarray]:
        if self.transformer is None:
            return x, y
        east, north = self.transformer.transform(x, y, direction="INVERSE" if is_back else "FORWARD")
        return east, north


def reprojection(
    source_crs: str | None,
    target_crs: str,
    *,
    declared: str | None = None,
    bbox: BoundingBox | None = None,
) -> Reprojection:
    """The way from the CRS of a layer (a code or WKT) to `target_crs` (`EPSG:n`).

    `source_crs` is what the reader understood, `declared` what the file says in its own words, if it does.
    `bbox` are the bounds of the layer in its own CRS: they decide which operation is the best.

    Raises:
        PermanentTaskError: CRS_MISSING or CRS_UNKNOWN. Nothing is guessed.
    """
    source, target = _source(source_crs), _target(target_crs)
    if declared is not None and not _source(declared).equals(source, ignore_axis_order=True):
        raise _unknown(f"The file names the CRS {declared}, which is not understood where it stands.")
    is_same = source.equals(target, ignore_axis_order=True)
    way = None if is_same else _best(source, target, bbox)
    return Reprojection(
        source_crs=_label(source),
        source_crs_wkt=source.to_wkt(),
        target_crs=target_crs,
        source_turn=areas.turn_of(source),
        target_turn=areas.turn_of(target),
        operation=None if way is None else way.operation,
        accuracy=None if way is None else way.accuracy,
        transformer=None if way is None else way.transformer,
        source_width=areas.width_of(source),
        area=areas.area_of(target),
        reach=None if way is None else areas.reach_of(source, target, way.transformer),
        findings=() if way is None else way.findings,
    )


def planned_reprojection(plan: TablePlan) -> Reprojection:
    """The way that the plan of a table names; the same in every task."""
    return _planned(plan.source_crs_wkt, plan.target_crs, plan.source_bbox)


def degrees_of(bbox: BoundingBox, crs: str) -> BoundingBox | None:
    """Bounds in a CRS (code or WKT) as west, south, east, north in EPSG:4326; None where there are none.

    West is greater than east where the antimeridian is crossed.
    """
    from pyproj import CRS, Transformer

    source = CRS.from_user_input(crs).to_2d()
    to_degrees = Transformer.from_crs(source, CRS.from_epsg(4326), always_xy=True)
    found = areas.bounds_of(to_degrees, bbox)
    return areas.with_all_longitudes(found, bbox=bbox, width=areas.width_of(source))


@functools.lru_cache(maxsize=8)
def _planned(source_wkt: str, target_crs: str, bbox: BoundingBox | None) -> Reprojection:
    return reprojection(source_wkt, target_crs, bbox=bbox)


# -- the operation ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Way:
    operation: str
    accuracy: float | None
    transformer: "pyproj.Transformer | None"
    findings: tuple[Finding, ...]


def _best(source: "pyproj.CRS", target: "pyproj.CRS", bbox: BoundingBox | None) -> _Way:
    from pyproj.exceptions import ProjError
    from pyproj.transformer import TransformerGroup

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of missing grids, which are findings of ours
            group = TransformerGroup(
                source, target, always_xy=True, area_of_interest=_area_of_interest(source, bbox)
            )
    except ProjError as exc:
        raise _no_way(source, target) from exc
    if not group.transformers:
        raise _no_way(source, target)
    chosen = group.transformers[0]
    is_nothing = chosen.definition.strip().startswith(_NOTHING_TO_DO)
    return _Way(
        operation=_words(chosen.description),
        accuracy=None if chosen.accuracy < 0 else float(chosen.accuracy),
        transformer=None if is_nothing else chosen,
        findings=_findings(group),
    )


def _findings(group: "pyproj.transformer.TransformerGroup") -> tuple[Finding, ...]:
    chosen = group.transformers[0]
    operation = _words(chosen.description)
    if "ballpark" in operation.lower():
        return (
            warning(
                "CRS_BALLPARK",
                "No transformation between the datums of the two CRS is known; it was left out, "
                "which can displace features by up to some hundred metres.",
                remedy="Submit the data in a CRS with a known transformation, or in target_crs itself.",
                operation=operation,
            ),
        )
    better = [each for each in group.unavailable_operations if 0 <= each.accuracy < chosen.accuracy]
    if not better:
        return ()
    return (
        info(
            "CRS_GRID_MISSING",
            f"A more accurate transformation ({better[0].accuracy:g} m instead of "
            f"{chosen.accuracy:g} m) needs a grid that is not installed.",
            remedy="Reproject before submitting, where that accuracy matters.",
            operation=operation,
            better=better[0].name,
        ),
    )


def _words(description: str) -> str:
    """An operation in PROJ's words, without those about the order of axes, which is ours anyway."""
    steps = [step for step in description.split(" + ") if not step.startswith("axis order change")]
    return " + ".join(steps) or description


def _area_of_interest(source: "pyproj.CRS", bbox: BoundingBox | None) -> "AreaOfInterest | None":
    from pyproj.aoi import AreaOfInterest

    if bbox is None or not np.isfinite(bbox).all():
        return None
    degrees = _usual_degrees(bbox) if source.is_geographic else degrees_of(bbox, source.to_wkt())
    return None if degrees is None else AreaOfInterest(*degrees)


def _usual_degrees(bbox: BoundingBox) -> BoundingBox | None:
    """Bounds of raw degrees; None where some are beyond what degrees can be, or beyond 180."""
    west, south, east, north = bbox
    return bbox if -180 <= west <= east <= 180 and -90 <= south <= north <= 90 else None


def _no_way(source: "pyproj.CRS", target: "pyproj.CRS") -> PermanentTaskError:
    return PermanentTaskError(
        f"There is no way from {source.name} to {target.name}.",
        code="CRS_UNKNOWN",
        remedy="Ask for another target_crs, or submit the data in a CRS of the same world.",
    )


# -- the two systems --------------------------------------------------------------------------------


def _source(definition: str | None) -> "pyproj.CRS":
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = None if not definition else CRS.from_user_input(definition)
    except CRSError as exc:
        raise _unknown("The CRS of the source is not known.") from exc
    if crs is None or _says_nothing(crs):
        raise PermanentTaskError(
            "The source does not say what its coordinates mean: it has no CRS.",
            code="CRS_MISSING",
            remedy="Say source_crs, or add it to the file (a .prj beside the .shp, the srs_id of the layer).",
        )
    horizontal = crs.to_2d()
    if not (horizontal.is_geographic or horizontal.is_projected) or len(horizontal.axis_info) != 2:
        raise _unknown(f"The CRS of the source ({crs.name}) is no place on the earth's surface.")
    return horizontal


def _says_nothing(crs: "pyproj.CRS") -> bool:
    name: str = crs.name.lower()
    if not name.startswith(_NAMELESS):
        return name.startswith(_UNDEFINED)
    is_map = crs.is_projected or crs.is_geographic
    return bool(not is_map or (crs.datum is not None and _is_nameless(crs.datum.name.lower())))


def _is_nameless(datum: str) -> bool:
    """A datum of nothing. One "based on" an ellipsoid is a figure of the earth: what a custom CRS has."""
    return datum.startswith(_NAMELESS) and _ON_ELLIPSOID not in datum


def _target(code: str) -> "pyproj.CRS":
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_epsg(int(code.removeprefix("EPSG:")))
    except CRSError as exc:
        raise _unknown(f"There is no {code}.") from exc
    if not (crs.is_geographic or crs.is_projected) or len(crs.axis_info) != 2:
        raise _unknown(f"{code} ({crs.name}) is no two-dimensional map CRS.")
    return crs


def _unknown(message: str) -> PermanentTaskError:
    return PermanentTaskError(
        message, code="CRS_UNKNOWN", remedy="Use a CRS with an EPSG code, for example EPSG:4326."
    )


def _label(crs: "pyproj.CRS") -> str:
    """`EPSG:n` where the definition is one, else the name that the CRS gives itself."""
    authority = crs.to_authority()
    if authority:
        return ":".join(authority)
    return "custom CRS" if crs.name.lower() == _NAMELESS else crs.name


def _is_place(x: np.ndarray, y: np.ndarray, *, turn: float | None) -> np.ndarray:
    # one comparison each: NaN compares false, and inf is larger
    wide, high = (turn + _TOLERANCE, turn / 4 + _TOLERANCE) if turn else (_LARGEST_MAP_COORDINATE,) * 2
    place: np.ndarray = (np.abs(x) <= wide) & (np.abs(y) <= high)
    return place


def _with_east_last(bbox: BoundingBox | None, turn: float | None) -> BoundingBox | None:
    if bbox is None or turn is None or bbox[0] <= bbox[2]:
        return bbox
    return bbox[0], bbox[1], bbox[2] + turn, bbox[3]
