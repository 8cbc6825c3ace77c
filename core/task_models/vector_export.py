"""Writing published tables of features as files."""

from enum import StrEnum
from types import MappingProxyType

from pydantic import Field

from core.task_models.vector import VectorColumn, VectorModel


class ExportFormat(StrEnum):
    """The formats of exports, by the words of `f=` and `exports`."""

    GEOPACKAGE = "gpkg"
    FLATGEOBUF = "fgb"
    GEOPARQUET = "parquet"
    GEOJSON = "geojson"
    CSV = "csv"
    SHAPEFILE = "shp"
    PMTILES = "pmtiles"

    @property
    def label(self) -> str:
        """What people call the format."""
        return _LABELS[self]


_LABELS = MappingProxyType(
    {
        ExportFormat.GEOPACKAGE: "GeoPackage",
        ExportFormat.FLATGEOBUF: "FlatGeobuf",
        ExportFormat.GEOPARQUET: "GeoParquet",
        ExportFormat.GEOJSON: "GeoJSON",
        ExportFormat.CSV: "CSV",
        ExportFormat.SHAPEFILE: "Shapefile",
        ExportFormat.PMTILES: "PMTiles",
    }
)


class ExportTable(VectorModel):
    """A table to be written: `db_schema` is `staging` within the chain, `geo` later.

    `name` is what its layer is called in the file; `collection_id` what it is called by the API.
    """

    db_schema: str = Field(pattern=r"^(staging|geo)$")
    table: str
    name: str
    collection_id: str
    title: str
    srid: int
    geometry_type: str
    feature_count: int = Field(ge=0)
    columns: tuple[VectorColumn, ...]


class ExportVectorParameters(VectorModel):
    """Parameters of the job `export_vector`: every format is one task.

    Formats that hold one table (FlatGeobuf, GeoParquet, GeoJSON, CSV, Shapefile) give one file for each
    table; those of several become a zip. GeoPackage and PMTiles hold all tables, as layers.
    """

    tables: tuple[ExportTable, ...] = Field(min_length=1)
    formats: tuple[ExportFormat, ...] = Field(min_length=1)
    target_prefix: str
    request_id: str = Field(description="the revision that is exported")
    name: str = Field(default="", description="what the files are called; empty: as the first collection")
    is_required: bool = Field(default=False, description="a format that cannot be written fails the job")
    attempt: int = Field(default=1, ge=1, description="the same files are tried again under another number")


class ExportFileParameters(VectorModel):
    """Parameters of `export_vector_file`: one format. `name` is what the file is called, without ending."""

    tables: tuple[ExportTable, ...] = Field(min_length=1)
    format: ExportFormat
    target_prefix: str
    name: str


class FormatNote(VectorModel):
    """A difference that a format forces on the data, for example a name cut to ten characters."""

    code: str
    message: str
    column: str | None = None


class ExportedFile(VectorModel):
    """One file that was written, in blob storage."""

    format: ExportFormat
    blob_uri: str
    size_bytes: int
    sha256: str
    media_type: str
    feature_count: int
    notes: tuple[FormatNote, ...] = ()


class ExportVectorResult(VectorModel):
    """Result of the job `export_vector`."""

    exports: tuple[ExportedFile, ...]
    warnings: tuple[str, ...] = ()
