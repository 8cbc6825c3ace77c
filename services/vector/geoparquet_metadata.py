"""What a GeoParquet file says of its geometries: the JSON under the key `geo` of its footer.

Source: GeoParquet 1.1.0, sections "File metadata" and "Column metadata".
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from services.vector.findings import info, warning

DEFAULT_CRS = "OGC:CRS84"
_SHOWN_CHARACTERS = 40


class _Metadata(BaseModel):
    """Members that later versions add are not ours to refuse."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Covering(_Metadata):
    """Which columns hold bounding boxes, as paths: `{"xmin": ["bbox", "xmin"], ...}`."""

    bbox: dict[str, tuple[str, ...]]


class GeometryColumn(_Metadata):
    """One geometry column. A `crs` that is not there means OGC:CRS84, null means unknown."""

    encoding: str
    crs: dict[str, Any] | None = Field(default_factory=lambda: {"default": DEFAULT_CRS})
    edges: Literal["planar", "spherical"] = "planar"
    epoch: float | None = None
    covering: Covering | None = None


class GeoMetadata(_Metadata):
    """The whole."""

    version: str
    primary_column: str
    columns: dict[str, GeometryColumn]

    @property
    def primary(self) -> GeometryColumn:
        """The column that features are drawn by."""
        return self.columns[self.primary_column]

    @property
    def covering_column(self) -> str | None:
        """The column that repeats the bounds of the geometries, if there is one."""
        covering = self.primary.covering
        paths = [] if covering is None else list(covering.bbox.values())
        name = paths[0][0] if paths and paths[0] else None
        return None if name in self.columns else name


def geo_metadata(text: bytes | None) -> GeoMetadata:
    """The checked metadata.

    Raises:
        PermanentTaskError: UNSUPPORTED_FORMAT: there is none, or of a version that we do not know;
            CONTENT_MISMATCH: it is not what the standard says.
    """
    if text is None:
        raise unsupported("The Parquet file does not say which column is a geometry: it is no GeoParquet.")
    try:
        found = GeoMetadata.model_validate_json(text)
    except ValidationError as exc:
        raise _mismatch("The GeoParquet metadata are not what the standard asks for.") from exc
    if not found.version.startswith("1."):
        raise unsupported(f"GeoParquet {found.version[:_SHOWN_CHARACTERS]} is not read.")
    if found.primary_column not in found.columns:
        raise _mismatch("The GeoParquet metadata do not describe their own primary column.")
    return found


def crs_of(column: GeometryColumn) -> str | None:
    """The CRS as a code, or as WKT where it has none; None when the file says that it is unknown.

    Raises:
        PermanentTaskError: CRS_UNKNOWN.
    """
    if column.crs is None or column.crs.get("default") == DEFAULT_CRS:
        return DEFAULT_CRS if column.crs else None
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_json_dict(column.crs)
    except (CRSError, ValueError, RecursionError) as exc:
        raise PermanentTaskError(
            "The CRS of the GeoParquet file is no PROJJSON that is understood.",
            code="CRS_UNKNOWN",
            remedy="Write the file again with a CRS of the EPSG registry, or give source_crs.",
        ) from exc
    authority = crs.to_authority()
    return ":".join(authority) if authority else crs.to_wkt()


def findings_of(metadata: GeoMetadata) -> tuple[Finding, ...]:
    """What a careful person would say of it."""
    primary, others = metadata.primary, [name for name in metadata.columns if name != metadata.primary_column]
    findings = []
    if primary.edges == "spherical":
        findings.append(
            warning(
                "SPHERICAL_EDGES",
                "The file declares edges along great circles; they are taken as straight lines.",
                remedy="Add vertices to long edges if the difference matters.",
            )
        )
    if primary.epoch is not None:
        message = f"The coordinates are of the epoch {primary.epoch}; it is not used."
        findings.append(info("COORDINATE_EPOCH_IGNORED", message, epoch=primary.epoch))
    if metadata.covering_column is not None:
        message = "The column with the bounding boxes of the geometries is left out: it repeats them."
        findings.append(info("COVERING_COLUMN_DROPPED", message, column=metadata.covering_column))
    if others:
        findings.append(
            warning(
                "MORE_GEOMETRY_COLUMNS",
                "Features have more than one geometry; all but the primary one become text (WKT).",
                remedy="Submit them as files of their own to have them on the map.",
                primary=metadata.primary_column,
                as_text=others,
            )
        )
    return tuple(findings)


def unsupported(message: str) -> PermanentTaskError:
    """The error for a Parquet file that is none of ours."""
    return PermanentTaskError(
        message,
        code="UNSUPPORTED_FORMAT",
        remedy="Write it as GeoParquet 1.0 or 1.1 with WKB geometries (for example with GDAL or GeoPandas).",
    )


def _mismatch(message: str) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="CONTENT_MISMATCH",
        remedy="Write the file again with a current GDAL, GeoPandas or DuckDB.",
    )
