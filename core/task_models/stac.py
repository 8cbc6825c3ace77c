"""Parameters and results of the tasks that write STAC documents, the same for rasters and vectors.

A task type derives its own parameters from `StacParameters` and adds `summary` (the result of the job
before it) and `hrefs` (`VectorHrefs`, `RasterHrefs` or `MosaicHrefs`), next to the models of that summary.
"""

from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl, model_validator

BBox = tuple[float, float, float, float]
"""West, south, east, north in EPSG:4326 degrees; west > east means that it crosses the antimeridian."""

_StacId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.-]+$")]


class _TaskModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)


class StacParameters(_TaskModel):
    """What a STAC item of any kind is made from, besides the summary of its data.

    Attributes:
        item_id: the id of the item; also the collection id of the published dataset.
        collection_id: the STAC collection, `{namespace}_rasters` or `{namespace}_vectors`.
        namespace: the prefix of the identifiers in the item's properties (`ddh:dataset_id`).
        identifiers: the client's own names of the dataset.
        datetime: when the data was observed; or give the interval by `start_datetime`, `end_datetime`.
            With neither, the item says when it was catalogued, and says that it does so.
    """

    item_id: _StacId
    collection_id: _StacId
    collection_title: str = Field(min_length=1)
    namespace: str = Field(default="ddh", pattern=r"^[a-z][a-z0-9_-]*$")
    identifiers: dict[str, str] = Field(default_factory=dict)
    title: str
    description: str = ""
    license: str | None = Field(default=None, pattern=r"^[\w.+-]+$")
    keywords: tuple[str, ...] = ()
    datetime: AwareDatetime | None = None
    start_datetime: AwareDatetime | None = None
    end_datetime: AwareDatetime | None = None

    @model_validator(mode="after")
    def _interval_is_whole(self) -> Self:
        if (self.start_datetime is None) != (self.end_datetime is None):
            raise ValueError("start_datetime and end_datetime go together")
        if self.start_datetime and self.end_datetime and self.start_datetime > self.end_datetime:
            raise ValueError("start_datetime is later than end_datetime")
        return self


class _Hrefs(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tilejson: HttpUrl
    download: HttpUrl
    map: HttpUrl


class RasterHrefs(_Hrefs):
    """Absolute URLs of a published raster. `tiles` is a template with `{z}`, `{x}` and `{y}`.

    `products` are the URLs of terrain products by name.
    """

    info: HttpUrl
    tiles: str
    preview: HttpUrl
    legend: HttpUrl | None = None
    tile_cache: HttpUrl | None = None
    products: dict[str, HttpUrl] = Field(default_factory=dict)


class MosaicHrefs(BaseModel):
    """Absolute URLs of a published mosaic. `tiles` is a template with `{z}`, `{x}` and `{y}`.

    Attributes:
        part: a template with `{name}`, the name of a part: where its COG can be downloaded. Without it, the
            items of the parts name their blobs.
        download: the overview of the whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    info: HttpUrl
    tiles: str
    tilejson: HttpUrl
    map: HttpUrl
    mosaicjson: HttpUrl
    part: str | None = Field(default=None, pattern=r"\{name\}")
    preview: HttpUrl | None = None
    download: HttpUrl | None = None
    legend: HttpUrl | None = None
    tile_cache: HttpUrl | None = None


class VectorHrefs(_Hrefs):
    """Absolute URLs of a published vector dataset. `vector_tiles` is a template with `{z}`, `{x}`, `{y}`."""

    features: HttpUrl
    items: HttpUrl
    vector_tiles: str


class StacResult(_TaskModel):
    """The two documents, ready to be upserted: the collection first, then the item."""

    collection: dict[str, Any]
    item: dict[str, Any]
