"""Vector data: how a source is read and cleaned, and what every part of the ingestion hands to the next."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.task_models.finding import Finding
from core.vector_ports import Column

BoundingBox = tuple[float, float, float, float]
EPSG_PATTERN = r"^EPSG:[1-9][0-9]{3,5}$"
_Epsg = Annotated[str, Field(pattern=EPSG_PATTERN)]
_Name = Annotated[str, Field(min_length=1, max_length=255)]


class VectorModel(BaseModel):
    """The base of the models of vector data."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VectorFormat(StrEnum):
    """The source formats that are admitted; each is opened in exactly one way.

    GML and DXF only where the operator allows them.
    """

    GEOPACKAGE = "geopackage"
    SHAPEFILE = "shapefile"
    GEOJSON = "geojson"
    GEOJSONSEQ = "geojsonseq"
    FLATGEOBUF = "flatgeobuf"
    GEOPARQUET = "geoparquet"
    KML = "kml"
    GML = "gml"
    CSV = "csv"
    TOPOJSON = "topojson"
    FILEGDB = "filegdb"
    DXF = "dxf"


# -- what a client may ask for --------------------------------------------------------------------


class VectorReading(VectorModel):
    """How a source is to be understood, where it does not say it or says it wrongly.

    Attributes:
        layers: the layers to take, by the names that the source gives them; empty for all that have
            geometries.
        source_crs: the CRS that the coordinates are in; it is assigned, nothing is reprojected by it.
        encoding: of texts, where the format has none of its own (Shapefile, CSV), as Python names it.
        x_column, y_column: of a CSV, the columns with longitudes or eastings and latitudes or northings.
        wkt_column: of a CSV, the column with well-known text.
        id_column: a column of whole numbers, all there and all different, that become the feature ids.
        extra_formats: GML and DXF are read as well; the operator's choice, not the client's.
    """

    layers: tuple[_Name, ...] = Field(default=(), max_length=100)
    source_crs: _Epsg | None = None
    encoding: str | None = Field(default=None, min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_.:-]+$")
    x_column: _Name | None = None
    y_column: _Name | None = None
    wkt_column: _Name | None = None
    id_column: _Name | None = None
    extra_formats: bool = False


class CleaningOptions(VectorModel):
    """What becomes of what is not as it should be. Every step is counted, whatever its policy.

    Attributes:
        null_geometry, empty_geometry: features without a place are kept, or rejected.
        invalid_geometry: by the rules of OGC Simple Features: `repair` makes them valid and says by how
            much their areas changed; `keep` leaves them as they are.
        dimensions: `keep` heights (Z) and measures (M) where any geometry has them, or make all `2d`.
        mixed_geometry: points, lines and polygons in one layer become one table of the type `Geometry`
            (`generic`), a table for each family (`split`), or an error.
        geometry_collection: `keep`, or `extract` the parts of the highest dimension.
        orientation: exterior rings counterclockwise (RFC 7946), or as they are.
        antimeridian: longitudes beyond 180 degrees are brought back, and what then crosses the
            antimeridian is cut there; or `keep`. Only of geographic coordinates.
        out_of_range: features with coordinates that their CRS cannot have, or that have no place in the
            target CRS, and ones with NaN or infinite coordinates.
        duplicates: features equal in geometry and all attributes: `keep`, or `drop` all but the first.
        invalid_values: values that no column can hold (dates beyond the calendar): reject the feature, or
            put null in their place.
    """

    null_geometry: Literal["keep", "reject"] = "keep"
    empty_geometry: Literal["keep", "reject"] = "keep"
    invalid_geometry: Literal["repair", "reject", "keep"] = "repair"
    dimensions: Literal["keep", "2d"] = "keep"
    mixed_geometry: Literal["generic", "split", "error"] = "generic"
    geometry_collection: Literal["keep", "extract"] = "keep"
    orientation: Literal["rfc7946", "keep"] = "rfc7946"
    antimeridian: Literal["split", "keep"] = "split"
    out_of_range: Literal["reject"] = "reject"
    duplicates: Literal["keep", "drop"] = "keep"
    invalid_values: Literal["reject", "null"] = "reject"


class TableOptions(VectorModel):
    """What the published tables get besides their key and their spatial index.

    Attributes:
        index: columns to index, by the names of the source or of the table; a layer that lacks one goes
            without.
        text_search: columns to search for words in.
    """

    index: tuple[_Name, ...] = Field(default=(), max_length=20)
    text_search: tuple[_Name, ...] = Field(default=(), max_length=20)


class IngestVectorParameters(VectorModel):
    """Parameters of the job `ingest_vector` and of its first task, `process_vector_prepare`.

    `target_crs` is an EPSG code and nothing else: GDAL and PROJ would take URLs and file names too.
    `target_prefix` is where blobs of this revision lie. `max_failed_fraction` is the share of the features
    of a layer that may be rejected; with more, nothing is published.
    """

    source_uri: str = Field(min_length=1, max_length=2048)
    source_etag: str | None = None
    target_prefix: str
    target_crs: _Epsg = "EPSG:4326"
    reading: VectorReading = VectorReading()
    cleaning: CleaningOptions = CleaningOptions()
    tables: TableOptions = TableOptions()
    max_failed_fraction: float = Field(default=0, ge=0, le=1)


# -- what the source holds ------------------------------------------------------------------------


class VectorSource(VectorModel):
    """The file that was read. `etag` pins its content from the first read on; `driver` is who read it."""

    uri: str
    size_bytes: int = Field(ge=0)
    etag: str
    format: VectorFormat
    driver: str


class VectorColumn(VectorModel):
    """A column of the table: its safe SQL name, its type, and the name that the source gave it."""

    name: str = Field(pattern=r"^[a-z_][a-z0-9_]*$", max_length=63)
    sql_type: str
    source_name: str

    def as_column(self) -> Column:
        """The same for the store."""
        return Column(name=self.name, sql_type=self.sql_type, source_name=self.source_name)


class StepCount(VectorModel):
    """How often one step of the cleaning had something to do.

    `step` is a word of `CleaningOptions` or of the reading (`curves`, `column_types`, ...); `policy` says
    what was done: `kept`, `repaired`, `rejected`, ... `unit` is what was counted.
    """

    step: str
    policy: str
    count: int = Field(ge=0)
    unit: Literal["features", "values", "geometries", "columns", "files"] = "features"


class RejectReason(StrEnum):
    """Why a feature is not in the table."""

    NULL_GEOMETRY = "NULL_GEOMETRY"
    EMPTY_GEOMETRY = "EMPTY_GEOMETRY"
    INVALID_GEOMETRY = "INVALID_GEOMETRY"
    BROKEN_GEOMETRY = "BROKEN_GEOMETRY"
    COORDINATES_OUT_OF_RANGE = "COORDINATES_OUT_OF_RANGE"
    UNPLACEABLE = "UNPLACEABLE"
    DUPLICATE = "DUPLICATE"
    VALUE_OUT_OF_RANGE = "VALUE_OUT_OF_RANGE"


class ChunkFile(VectorModel):
    """Part of a layer as an Arrow IPC file in blob storage (temporary).

    Columns: `__row` (int64, the feature's number in the source layer, from 0), `__fid` (int64, its id in
    the table), `__wkb` (binary, null where there is none; ISO WKB in the source CRS, as it was read), then
    the attributes under their SQL names, of the Arrow types of their columns. `digest` is the sum of the
    digests of the rows (services/vector/digest.py), as 16 hexadecimal digits.
    """

    uri: str
    rows: int = Field(ge=1)
    size_bytes: int = Field(ge=1)
    digest: str = Field(pattern=r"^[0-9a-f]{16}$")


class TablePlan(VectorModel):
    """One table to be loaded: a layer, or with `mixed_geometry: split` one family of a layer's geometries.

    Attributes:
        table: its name in the schema `staging`; it exists, empty, when the plan is written.
        layer: what people call the layer.
        family: of a split layer `points`, `lines`, `polygons`, `collections` or `without_geometry`.
        geometry_type: of the PostGIS column, for example `MultiPolygonZ`, `PointZM`, `Geometry`.
        source_bbox: of the raw coordinates, in the source CRS; None without any.
        operation: the coordinate operation, in PROJ's words; None where nothing is reprojected.
        accuracy: of that operation, in metres, if it is known.
        ids: where the feature ids come from: the position in the layer (from 1), the format's own ids, or
            a column.
        feature_count, null_geometry_count: of the source, counted independently where the format can.
        digest: the sum over all rows (see `ChunkFile`).
        duplicates_uri: an .npy file (temporary) of int64: the `__row`s of the copies, sorted.
        duplicate_count: how many those are, whatever the policy.
        measured: counts of the reading, to go into the quality report.
    """

    table: str
    layer: str
    family: str | None = None
    source_crs: str
    source_crs_wkt: str
    target_crs: str
    geometry_type: str
    source_bbox: BoundingBox | None
    operation: str | None = None
    accuracy: float | None = None
    ids: Literal["position", "format", "column"] = "position"
    columns: tuple[VectorColumn, ...]
    feature_count: int = Field(ge=1)
    null_geometry_count: int = Field(ge=0)
    digest: str = Field(pattern=r"^[0-9a-f]{16}$")
    chunks: tuple[ChunkFile, ...]
    duplicates_uri: str | None = None
    duplicate_count: int = 0
    measured: tuple[StepCount, ...] = ()
    findings: tuple[Finding, ...] = ()


class VectorPlan(VectorModel):
    """All that was found out, and what will be loaded how. A JSON blob (temporary), read by every task."""

    source: VectorSource
    parameters: IngestVectorParameters
    tables: tuple[TablePlan, ...]
    findings: tuple[Finding, ...] = ()


# -- the tasks ------------------------------------------------------------------------------------


class PlannedTable(VectorModel):
    """How many chunks a table has, and how many features."""

    table: str
    layer: str
    chunk_count: int = Field(ge=1)
    feature_count: int = Field(ge=1)


class PreparedVector(VectorModel):
    """Result of `process_vector_prepare`: the plan lies at `plan_uri`; its tables are there, empty."""

    plan_uri: str
    tables: tuple[PlannedTable, ...]


class LoadChunkParameters(VectorModel):
    """Parameters of `process_vector_upload`."""

    plan_uri: str
    table_index: int = Field(ge=0)
    chunk_index: int = Field(ge=0)


class RepairNote(VectorModel):
    """One of the largest changes by repair. Areas are in square units of the target CRS."""

    row: int
    fid: int
    area_before: float
    area_after: float


class ChunkResult(VectorModel):
    """Result of `process_vector_upload`: it holds whether this attempt or an earlier one loaded the chunk.

    Attributes:
        plan_uri: of the plan that the chunk belongs to.
        loaded, rejected: together the rows of the chunk.
        null_geometry_count: of the loaded rows.
        loaded_digest, rejected_digest: of the source rows; their sum is the digest of the chunk.
        stored_digest: of the rows as they were sent to the table (normalised geometry and attributes).
        bbox: of what was loaded, in the target CRS; None without a place.
        cells: of a grid of 64 x 64 over the table's extent (see `services/vector/footprint.py`), those
            that are touched.
        steps: what the cleaning did.
        reasons: rejected features by reason.
        repairs: the ten largest changes of area.
        area_change: sum of the absolute changes of area by repair, in square units of the target CRS.
        vertex_count: of all loaded geometries; `largest_vertex_count` of the largest.
        size_bytes: of the geometries as EWKB.
        rejects_uri: the rejected rows as an Arrow IPC file (temporary): the columns of the chunk, and
            `__reason` (a RejectReason) and `__detail` (text); None when there are none.
    """

    plan_uri: str
    table_index: int
    chunk_index: int
    loaded: int
    rejected: int
    null_geometry_count: int
    loaded_digest: str
    rejected_digest: str
    stored_digest: str
    bbox: BoundingBox | None
    cells: str = ""
    steps: tuple[StepCount, ...] = ()
    reasons: dict[RejectReason, int] = Field(default_factory=dict)
    repairs: tuple[RepairNote, ...] = ()
    area_change: float = 0
    vertex_count: int = 0
    largest_vertex_count: int = 0
    size_bytes: int = 0
    rejects_uri: str | None = None


class FinishVectorParameters(VectorModel):
    """Parameters of `process_vector_finish`; what the chunks have left lies in the ledger of each table."""

    plan_uri: str
