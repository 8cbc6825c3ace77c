"""Coordinate reference systems of vector layers, and the way from one to the other."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.errors import PermanentTaskError

if TYPE_CHECKING:
    import pyproj

# What the GeoPackage standard calls "undefined" (srs_id -1 and 0) arrives under these names.
_UNDEFINED = ("undefined cartesian", "undefined geographic", "unknown")
_DEGREE_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Reprojection:
    """From the CRS of a source to that of its table; x is east and y is north on both sides.

    Heights are not transformed: both systems are taken as two-dimensional.
    """

    source_crs: str
    target_crs: str
    is_geographic: bool
    transformer: "pyproj.Transformer | None"

    @property
    def srid(self) -> int:
        """The EPSG number of the target."""
        return int(self.target_crs.removeprefix("EPSG:"))

    def apply(self, xy: np.ndarray) -> np.ndarray:
        """Coordinates (n, 2) of the source in the target; inf where there is no such place."""
        if self.transformer is None:
            return xy
        return np.column_stack(self.transformer.transform(xy[:, 0], xy[:, 1]))

    def is_valid(self, xy: np.ndarray) -> np.ndarray:
        """Which target coordinates (n, 2) can be: finite, and on the globe where they are degrees."""
        valid: np.ndarray = np.isfinite(xy).all(axis=1)
        if self.is_geographic:
            limits = np.array([360.0, 90.0]) + _DEGREE_TOLERANCE
            valid &= (np.abs(xy) <= limits).all(axis=1)
        return valid


def reprojection(source_crs: str | None, target_crs: str, *, declared: str | None = None) -> Reprojection:
    """The way from the CRS of a layer (a code or WKT) to `target_crs` (`EPSG:n`).

    `source_crs` is what GDAL understood, `declared` what the file says in its own words, if it does.

    Raises:
        PermanentTaskError: CRS_MISSING or CRS_UNKNOWN. Nothing is guessed.
    """
    from pyproj import Transformer

    source, target = _source(source_crs), _target(target_crs)
    if declared is not None and not _source(declared).equals(source, ignore_axis_order=True):
        raise _unknown(f"The file names the CRS {declared}, which is not understood where it stands.")
    is_same = source.equals(target, ignore_axis_order=True)
    return Reprojection(
        source_crs=_label(source),
        target_crs=target_crs,
        is_geographic=target.is_geographic,
        transformer=None if is_same else Transformer.from_crs(source, target, always_xy=True),
    )


def _source(definition: str | None) -> "pyproj.CRS":
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = None if not definition else CRS.from_user_input(definition)
    except CRSError as exc:
        raise _unknown("The CRS of the source is not known.") from exc
    if crs is None or crs.name.lower().startswith(_UNDEFINED):
        raise PermanentTaskError(
            "The source does not say what its coordinates mean: it has no CRS.",
            code="CRS_MISSING",
            remedy="Add the CRS (a .prj beside the .shp, the srs_id of the GeoPackage layer).",
        )
    horizontal = crs.to_2d()
    if not (horizontal.is_geographic or horizontal.is_projected):
        raise _unknown(f"The CRS of the source ({crs.name}) is no place on the earth's surface.")
    return horizontal


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
    return ":".join(authority) if authority else crs.name
