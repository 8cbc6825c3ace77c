"""What clients send: the bodies of submissions (S1's `DDHRequest`), one model for each type of data."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from core.task_models.raster_collection import MAX_COLLECTION_FILES
from geo_platform.collection_source import normalise_any_source, normalise_pattern, normalise_source_path
from geo_platform.raster_processing import CollectionProcessing, LargeRasterProcessing, RasterProcessing
from geo_platform.source import normalise_source
from geo_platform.states import DATA_TYPE_ALIASES, DataType
from geo_platform.vector_processing import VectorProcessing

MOST_BLOB_PATHS = MAX_COLLECTION_FILES


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _no_callback(url: str | None) -> str | None:
    if url is not None:
        raise PydanticCustomError("callback_not_supported", "webhooks are not offered yet")
    return None


def _each_once(paths: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if paths is not None and len(set(paths)) < len(paths):
        seen = set[str]()
        twice = next(path for path in paths if path in seen or seen.add(path))  # type: ignore[func-returns-value]
        raise PydanticCustomError("named_twice", "{path} is named twice", {"path": twice})
    return paths


def _own_name(value: Any) -> Any:
    return DATA_TYPE_ALIASES.get(value, value) if isinstance(value, str) else value


_Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=255)]
_SourcePath = Annotated[str, AfterValidator(normalise_source)]
_COLLECTION_NAMES = [DataType.RASTER_COLLECTION.value, *DATA_TYPE_ALIASES]


class SubmissionBody(_Body):
    """The fields that a request has whatever its type."""

    dataset_id: _Identifier
    resource_id: _Identifier
    version_id: Annotated[_Identifier, Field(max_length=50)]
    client_request_id: str | None = Field(default=None, max_length=255)
    callback_url: Annotated[str | None, AfterValidator(_no_callback)] = Field(
        default=None, description="Not supported yet: poll the status URL."
    )


class SingleSourceBody(SubmissionBody):
    """The fields of a request for one file."""

    source_path: _SourcePath = Field(
        description="`bronze/<path>` or `azure://bronze/<path>` of the blob to be published"
    )


class UntypedBody(SubmissionBody):
    """A body whose type is not known: what can be said of it all the same."""

    source_path: Annotated[str, AfterValidator(normalise_any_source)] | None = None


class VectorRequest(SingleSourceBody):
    """Publish a vector file: every layer of it becomes a collection of features.

    GeoPackage, zipped Shapefile, GeoJSON, GeoJSONSeq, FlatGeobuf, GeoParquet, KML, KMZ, CSV, TopoJSON, zipped
    FileGDB.
    """

    request_type: Literal[DataType.VECTOR]
    processing_config: VectorProcessing = VectorProcessing()


class RasterRequest(SingleSourceBody):
    """Publish a raster file: GeoTIFF, JPEG 2000, or one of them or a picture with its world file in a zip.

    A large one is published as a mosaic, as if it had been submitted as `large_raster`.
    """

    request_type: Literal[DataType.RASTER]
    processing_config: RasterProcessing = RasterProcessing()


class LargeRasterRequest(SingleSourceBody):
    """Publish a raster file as a mosaic of tiles, which are made side by side: GeoTIFF, JPEG 2000."""

    request_type: Literal[DataType.LARGE_RASTER]
    processing_config: LargeRasterProcessing = LargeRasterProcessing()


class RasterCollectionRequest(SubmissionBody):
    """Publish many raster files as one mosaic. Exactly one of `source_path`, `blob_pattern`, `blob_paths`."""

    request_type: Annotated[
        Literal[DataType.RASTER_COLLECTION],
        BeforeValidator(_own_name),
        WithJsonSchema({"type": "string", "enum": _COLLECTION_NAMES, "title": "Request Type"}),
    ]
    source_path: Annotated[str, AfterValidator(normalise_source_path)] | None = Field(
        default=None, description="a folder that ends in `/`, or a pattern as in `blob_pattern`"
    )
    blob_pattern: Annotated[str, AfterValidator(normalise_pattern)] | None = Field(
        default=None,
        description="`bronze/scenes/*_B04.tif`: `*` and `?` within a folder, `**` across folders",
    )
    blob_paths: Annotated[tuple[_SourcePath, ...] | None, AfterValidator(_each_once)] = Field(
        default=None, min_length=1, max_length=MOST_BLOB_PATHS, description="the blobs by name"
    )
    processing_config: CollectionProcessing = CollectionProcessing()


DDHRequest = VectorRequest | RasterRequest | LargeRasterRequest | RasterCollectionRequest
REQUEST_MODELS: dict[DataType, type[DDHRequest]] = {
    DataType.VECTOR: VectorRequest,
    DataType.RASTER: RasterRequest,
    DataType.LARGE_RASTER: LargeRasterRequest,
    DataType.RASTER_COLLECTION: RasterCollectionRequest,
}


def default_processing(data_type: DataType) -> dict[str, Any]:
    """The options of a request that has none: stored ones of an older version may lack some."""
    default: BaseModel = REQUEST_MODELS[data_type].model_fields["processing_config"].default
    return default.model_dump(mode="json")
