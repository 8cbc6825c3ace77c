"""Where the pixels lie: by a geotransform, by ground control points, or by RPCs."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.transform import Affine, from_gcps

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.raster_validation import ReadingOptions
from services.raster.findings import info, warning
from services.raster.georeference import WGS84, crs_name, require_self_contained
from services.raster.header import Header
from services.raster.source import Source

_EXACT_PIXELS = 0.25
"""Ground control points that an affine grid meets within this many pixels are that grid, badly written."""
_MIN_GCPS = 3


class Warp(StrEnum):
    """What leads from pixels to places where no geotransform does."""

    GCPS = "ground control points"
    RPCS = "rational polynomial coefficients"


@dataclass(frozen=True, slots=True)
class Placement:
    """The CRS, and either a geotransform or what is to be warped by."""

    crs: CRS
    transform: Affine | None
    warp: Warp | None
    findings: tuple[Finding, ...]


def place(header: Header, source: Source, reading: ReadingOptions) -> Placement:
    """The place of a raster on earth.

    A rotated or south-up grid is kept: it is a legal georeference, and its pixels stay what they are.
    `source_crs` says in which CRS the coordinates are; nothing is reprojected by it.

    Raises:
        PermanentTaskError: CRS_MISSING when only the CRS is missing, NO_GEOREFERENCE otherwise.
    """
    transform = header.transform or source.transform
    if transform is not None:
        crs, findings = _crs(header.crs or _beside(source), reading)
        _require_invertible(transform)
        return Placement(crs, transform, None, (*findings, *_grid_findings(transform)))
    if len(header.gcps) >= _MIN_GCPS:
        crs, findings = _crs(header.gcps_crs or header.crs or _beside(source), reading)
        return _by_gcps(header, crs, findings)
    if header.rpcs is not None:
        return _by_rpcs()
    raise PermanentTaskError(
        "The raster is not georeferenced: it has neither a geotransform nor control points nor RPCs.",
        code="NO_GEOREFERENCE",
        remedy="Georeference it in a GIS; a picture needs a world file beside it in a zip.",
    )


def _crs(stated: CRS | None, reading: ReadingOptions) -> tuple[CRS, tuple[Finding, ...]]:
    if stated is not None:
        require_self_contained(stated)
    if reading.source_crs is None:
        if stated is None:
            raise PermanentTaskError(
                "The raster has coordinates but does not say in which CRS.",
                code="CRS_MISSING",
                remedy="Give it as source_crs, or write it into the file (gdal_edit.py -a_srs EPSG:32633).",
            )
        return stated, ()
    assigned = _known(reading.source_crs)
    if stated is None:
        return assigned, (info("CRS_ASSIGNED", f"The CRS {reading.source_crs} was assigned."),)
    if stated == assigned:
        return assigned, ()
    name = crs_name(stated)
    return assigned, (
        warning(
            "CRS_OVERRIDDEN",
            f"The CRS {reading.source_crs} was assigned although the file says {name[:60]}.",
            remedy="To reproject, leave source_crs out and give target_crs.",
            stated=name[:2000],
        ),
    )


def _known(name: str) -> CRS:
    try:
        return CRS.from_epsg(int(name.removeprefix("EPSG:")))
    except CRSError as exc:
        raise PermanentTaskError(
            f"The CRS {name} is not known.",
            code="CRS_UNKNOWN",
            remedy="Use a code of the EPSG registry of coordinate reference systems.",
        ) from exc


def _beside(source: Source) -> CRS | None:
    if source.crs_wkt is None:
        return None
    try:
        return CRS.from_wkt(source.crs_wkt)
    except CRSError as exc:
        raise PermanentTaskError(
            "The .prj file in the archive holds no CRS that is known.",
            code="CRS_UNKNOWN",
            remedy="Write it as WKT of an EPSG CRS, or give source_crs.",
        ) from exc


def _require_invertible(transform: Affine) -> None:
    if all(map(math.isfinite, transform[:6])) and transform.determinant != 0:
        return
    raise PermanentTaskError(
        "The geotransform of the raster puts all pixels on a line or nowhere.",
        code="NO_GEOREFERENCE",
        remedy="Georeference it in a GIS.",
    )


def _grid_findings(transform: Affine) -> tuple[Finding, ...]:
    if transform.b or transform.d:
        return (info("GRID_ROTATED", "The grid is rotated or sheared; it is kept as it is."),)
    if transform.e > 0:
        return (info("GRID_SOUTH_UP", "The first row is the southernmost; it is kept so."),)
    return ()


def _by_gcps(header: Header, crs: CRS, findings: tuple[Finding, ...]) -> Placement:
    affine = _exact_affine(header)
    count = len(header.gcps)
    if affine is not None:
        message = f"The {count} ground control points form a regular grid, which is used."
        return Placement(crs, affine, None, (*findings, info("GCPS_EXACT", message), *_grid_findings(affine)))
    found = warning(
        "GCPS_WARPED",
        f"The raster is placed by {count} ground control points: its pixels are warped to a regular grid.",
        remedy="Warp it yourself (gdalwarp) to choose the transformation and the resampling.",
        gcp_count=count,
    )
    return Placement(crs, None, Warp.GCPS, (*findings, found))


def _exact_affine(header: Header) -> Affine | None:
    affine = from_gcps(header.gcps)
    if affine.determinant == 0 or not all(map(math.isfinite, affine[:6])):
        return None
    back = ~affine
    places = np.array([back @ (point.x, point.y) for point in header.gcps])
    pixels = np.array([(point.col, point.row) for point in header.gcps])
    return affine if float(np.abs(places - pixels).max()) <= _EXACT_PIXELS else None


def _by_rpcs() -> Placement:
    found = warning(
        "RPCS_WARPED",
        "The raster is placed by RPCs: its pixels are warped at the mean height that the RPCs state, "
        "without a terrain model.",
        remedy="Orthorectify it with a terrain model (gdalwarp -rpc -to RPC_DEM=...) where metres matter.",
    )
    return Placement(WGS84, None, Warp.RPCS, (found,))
