"""Tables of features that are ready to be published: the result of `ingest_vector`."""

from typing import Literal

from pydantic import Field

from core.task_models.finding import Finding
from core.task_models.vector import (
    BoundingBox,
    RejectReason,
    RepairNote,
    StepCount,
    VectorColumn,
    VectorModel,
    VectorSource,
)


class ColumnProfile(VectorModel):
    """What the values of a column look like, for the quality report.

    `histogram` are counts of 10 equal steps from minimum to maximum, of numbers only; `most_common` are at
    most ten values and how often each occurs, as text. From a sample where `sampled`.
    """

    name: str
    nulls: int | None = None
    minimum: float | str | None = None
    maximum: float | str | None = None
    distinct: int | None = None
    histogram: tuple[int, ...] = ()
    most_common: tuple[tuple[str, int], ...] = ()
    sampled: bool = True


class VectorTable(VectorModel):
    """A table that is ready to be published, in `staging` until then.

    Attributes:
        bbox: west, south, east, north in EPSG:4326; west > east where it crosses the antimeridian.
        footprint: GeoJSON geometry in EPSG:4326, cut at the antimeridian; it holds every feature and
            follows them on a grid of 64 x 64.
        read_count: features of the source; `feature_count` of them are in the table, the rest are rejected.
        digest: of the stored rows, order-free.
        generalised: the name of the companion table for tiles of low zooms, in `staging`; None where the
            geometries are small enough as they are.
        overview: the name of the table of those features that are seen at low zooms, in `staging`, and
            `overview_zoom` the last of them; None where there are not very many.
    """

    table: str
    layer: str
    family: str | None = None
    srid: int
    source_crs: str
    operation: str | None = None
    accuracy: float | None = None
    geometry_type: str
    read_count: int
    feature_count: int
    rejected_count: int
    null_geometry_count: int
    bbox: BoundingBox | None
    footprint: dict[str, object] | None
    columns: tuple[VectorColumn, ...]
    ids: Literal["position", "format", "column"]
    digest: str
    vertex_count: int = 0
    largest_vertex_count: int = 0
    size_bytes: int = 0
    generalised: str | None = None
    overview: str | None = None
    overview_zoom: int | None = None
    steps: tuple[StepCount, ...] = ()
    reasons: dict[RejectReason, int] = Field(default_factory=dict)
    repairs: tuple[RepairNote, ...] = ()
    area_change: float = 0
    profiles: tuple[ColumnProfile, ...] = ()
    findings: tuple[Finding, ...] = ()


class IngestVectorResult(VectorModel):
    """Result of `process_vector_finish` and of the job.

    What stands here is of all tables together; `bbox` is west, south, east, north in EPSG:4326, west > east
    where it crosses the antimeridian. `rejects_uri` is a GeoPackage of the rejected features, one layer for
    each table (published); None when there are none. `missing_count` is the number of rejected features.
    """

    tables: tuple[VectorTable, ...] = Field(min_length=1)
    feature_count: int
    rejected_count: int
    null_geometry_count: int
    bbox: BoundingBox | None
    source: VectorSource
    rejects_uri: str | None = None
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
