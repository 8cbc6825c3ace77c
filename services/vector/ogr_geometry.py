"""Single geometries in the hands of the libgdal that pyogrio is linked with."""

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.vector import ogr

_TRIANGLE, _SURFACES = 17, (15, 16)  # polyhedral surface, TIN
_LITTLE_ENDIAN = 1
_Pointer, _Handle = ctypes.POINTER, ctypes.c_void_p


@dataclass(frozen=True, slots=True)
class PlainGeometry:
    """ISO WKB of the seven plain types, and what was changed: `curves`, `surfaces`, or neither.

    `measures` were lost with the curves: GDAL has none for the points that it puts between.
    """

    wkb: bytes
    changes: tuple[str, ...]


def plain(wkb: bytes) -> PlainGeometry:
    """The same geometry without curves and surfaces.

    Raises:
        ValueError: it is no well-known binary, or nested more than 32 levels deep.
    """
    library = _library()
    with _read(library, wkb) as geometry:
        changes, is_measured = [], library.OGR_G_IsMeasured(geometry)
        if library.OGR_G_HasCurveGeometry(geometry, 1):
            changes.append("curves")
            linear = library.OGR_G_GetLinearGeometry(geometry, 0.0, None)
            geometry.value = _replaced(library, geometry, linear)
        if library.OGR_GT_Flatten(library.OGR_G_GetGeometryType(geometry)) in (*_SURFACES, _TRIANGLE):
            changes.append("surfaces")
            geometry.value = _as_polygons(library, geometry)
        if is_measured and not library.OGR_G_IsMeasured(geometry):
            changes.append("measures")
        return PlainGeometry(wkb=_written(library, geometry), changes=tuple(changes))


def _replaced(library: ctypes.CDLL, geometry: ctypes.c_void_p, other: int | None) -> int:
    if not other:
        raise ValueError("no linear geometry")
    library.OGR_G_DestroyGeometry(geometry)
    return other


def _as_polygons(library: ctypes.CDLL, geometry: ctypes.c_void_p) -> int | None:
    """GDAL takes the geometry over and answers another one."""
    is_triangle = library.OGR_GT_Flatten(library.OGR_G_GetGeometryType(geometry)) == _TRIANGLE
    force = library.OGR_G_ForceToPolygon if is_triangle else library.OGR_G_ForceToMultiPolygon
    found: int | None = force(geometry)
    return found


@contextmanager
def _read(library: ctypes.CDLL, wkb: bytes) -> Iterator[ctypes.c_void_p]:
    geometry = ctypes.c_void_p()
    library.CPLPushErrorHandlerEx(_SILENT, 0)
    try:
        if library.OGR_G_CreateFromWkb(wkb, None, ctypes.byref(geometry), len(wkb)) or not geometry:
            raise ValueError("not well-known binary")
        yield geometry
    finally:
        if geometry:
            library.OGR_G_DestroyGeometry(geometry)
        library.CPLPopErrorHandler()


def _written(library: ctypes.CDLL, geometry: ctypes.c_void_p) -> bytes:
    buffer = ctypes.create_string_buffer(library.OGR_G_WkbSize(geometry))
    if library.OGR_G_ExportToIsoWkb(geometry, _LITTLE_ENDIAN, buffer):
        raise ValueError("cannot be written")
    return buffer.raw


# What GDAL says of a geometry that it cannot read is said in our own words.
_SILENT = ogr.Handler(lambda _level, _number, _text: None)
_SIGNATURES = {
    "OGR_G_CreateFromWkb": (ctypes.c_int, [ctypes.c_char_p, _Handle, _Pointer(_Handle), ctypes.c_int]),
    "OGR_G_DestroyGeometry": (None, [_Handle]),
    "OGR_G_ExportToIsoWkb": (ctypes.c_int, [_Handle, ctypes.c_int, ctypes.c_char_p]),
    "OGR_G_ForceToMultiPolygon": (_Handle, [_Handle]),
    "OGR_G_ForceToPolygon": (_Handle, [_Handle]),
    "OGR_G_GetGeometryType": (ctypes.c_int, [_Handle]),
    "OGR_G_GetLinearGeometry": (_Handle, [_Handle, ctypes.c_double, _Handle]),
    "OGR_G_HasCurveGeometry": (ctypes.c_int, [_Handle, ctypes.c_int]),
    "OGR_G_IsMeasured": (ctypes.c_int, [_Handle]),
    "OGR_G_WkbSize": (ctypes.c_int, [_Handle]),
    "OGR_GT_Flatten": (ctypes.c_int, [ctypes.c_int]),
}


@functools.cache
def _library() -> ctypes.CDLL:
    library = ogr.library()
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
