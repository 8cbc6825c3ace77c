"""The CRS that the coordinates of a layer are in: assigned, or as the file says in its own words."""

from core.errors import PermanentTaskError
from core.task_models.vector import VectorReading
from services.vector.source import SourceLayer


def crs_of(layer: SourceLayer, understood: str | None, *, reading: VectorReading) -> str | None:
    """`reading.source_crs`, or what GDAL `understood` when that is what the file declares.

    Raises:
        PermanentTaskError: CRS_UNKNOWN: the file names a CRS in a place, or by a name, that is overlooked.
    """
    if reading.source_crs is not None:
        return reading.source_crs
    if layer.declared_crs is not None and not _is_same(layer.declared_crs, understood):
        raise PermanentTaskError(
            f"The file names the CRS {layer.declared_crs}, which is not understood where it stands.",
            code="CRS_UNKNOWN",
            remedy="Use a CRS with an EPSG code, for example EPSG:4326, or assign one as source_crs.",
        )
    return understood


def _is_same(declared: str, understood: str | None) -> bool:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if understood is None:
        return False
    try:
        same = CRS.from_user_input(declared).equals(CRS.from_user_input(understood), ignore_axis_order=True)
    except CRSError:
        return False
    return bool(same)
