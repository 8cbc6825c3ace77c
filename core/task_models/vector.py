"""Ingesting a vector file: what the job is given, the plan of its first stage, and its result."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from core.ports import Column
from core.task_models.stac import StacParameters, VectorHrefs

BoundingBox = tuple[float, float, float, float]


class VectorFormat(StrEnum):
    """The source formats that are admitted; each is opened with exactly one GDAL driver."""

    GEOPACKAGE = "geopackage"
    GEOJSON = "geojson"
    SHAPEFILE = "shapefile"


class IngestVectorParameters(BaseModel):
    """Parameters of the job `ingest_vector` and of its first task, `process_vector_prepare`.

    `target_crs` is an EPSG code and nothing else: GDAL and PROJ would take URLs and file names too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_uri: str = Field(min_length=1, max_length=2048)
    source_etag: str | None = None
    layer: str | None = Field(default=None, min_length=1, max_length=255)
    target_crs: str = Field(default="EPSG:4326", pattern=r"^EPSG:[1-9][0-9]{3,5}$")


class VectorSource(BaseModel):
    """The file that was read. `etag` pins its content from the first read on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    size_bytes: int = Field(ge=0)
    etag: str
    driver: str
    layer: str


class VectorColumn(BaseModel):
    """A column of the table: its safe SQL name, its type, and the name that the source gave it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z_][a-z0-9_]*$", max_length=48)
    sql_type: str
    source_name: str

    def as_column(self) -> Column:
        """The same for the store."""
        return Column(name=self.name, sql_type=self.sql_type, source_name=self.source_name)


class VectorPlan(BaseModel):
    """Result of `process_vector_prepare`: all that was found out, and what will be loaded how.

    The counts are those of the source, and the load is checked against them. `geometry_type` is the
    PostGIS type of the table (`MultiPolygonZ`). `datetime_as_text` says that a column mixes times with
    and without a zone, which no SQL type but text keeps apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: VectorSource
    format: VectorFormat
    source_crs: str
    target_crs: str
    geometry_type: str
    feature_count: int = Field(ge=1)
    null_geometry_count: int = Field(ge=0)
    columns: tuple[VectorColumn, ...]
    datetime_as_text: bool = False
    warnings: tuple[str, ...] = ()


class UploadVectorParameters(BaseModel):
    """Parameters of `process_vector_upload`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: VectorPlan


class IngestVectorResult(BaseModel):
    """Result of `process_vector_upload` and of the job. `table` is a name in the schema `staging`.

    `bbox` is west, south, east, north in EPSG:4326; west > east where it crosses the antimeridian.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    srid: int
    source_crs: str
    geometry_type: str
    feature_count: int
    null_geometry_count: int
    bbox: BoundingBox
    columns: tuple[VectorColumn, ...]
    source: VectorSource
    warnings: tuple[str, ...] = ()


class StacVectorParameters(StacParameters):
    """Parameters of `create_vector_stac`: the published table as `process_vector_upload` left it."""

    summary: IngestVectorResult
    hrefs: VectorHrefs
