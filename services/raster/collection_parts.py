"""The tasks of `process_raster_collection`: each file becomes a COG, and one list names them all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from core.errors import PermanentTaskError
from core.schema.queue import QueueRole
from core.task_models.raster_cog import ProcessRasterResult
from core.task_models.raster_collection import (
    CollectionCog,
    CollectionCogParameters,
    CollectionFile,
    GatherPartsParameters,
    ListedFiles,
    ProcessRasterCollectionResult,
    ReadCollectionParameters,
)
from core.task_models.raster_mosaic import MosaicPart
from services.context import TaskContext
from services.raster.create_cog import create_cog
from services.raster.documents import read_document, write_document
from services.raster.environment import MEMORY_LIMIT_BYTES
from services.raster.json_lines import read_lines, write_lines
from services.registry import register_task

_AT_A_TIME = 200
_CONNECTIONS = 8


@register_task("read_collection_files", queue=QueueRole.RASTER_TASKS)
def read_collection_files(parameters: ReadCollectionParameters, context: TaskContext) -> ListedFiles:
    """The list as a result, from which the next stage is planned.

    Raises:
        NotFound: SOURCE_NOT_FOUND: the list is gone.
    """
    files = tuple(read_lines(context.storage, parameters.files_uri, CollectionFile))
    return ListedFiles(listing_uri=parameters.files_uri, files=files)


@register_task(
    "create_collection_cog",
    queue=QueueRole.RASTER_TASKS,
    isolated=True,
    memory_limit_bytes=MEMORY_LIMIT_BYTES,
)
def create_collection_cog(parameters: CollectionCogParameters, context: TaskContext) -> CollectionCog:
    """`create_cog` on one file; what is known of the COG is left in a blob of its own.

    Raises:
        AppError: what `create_cog` says.
    """
    made = create_cog(parameters.cog, context)
    uri = f"{_records(parameters.cog.target_prefix)}/{context.attempt_name}.json"
    write_document(context, uri, _part(parameters.name, made).model_dump_json(), temporary=True)
    return CollectionCog(name=parameters.name, part_uri=uri)


@register_task("gather_parts", queue=QueueRole.RASTER_TASKS)
def gather_parts(parameters: GatherPartsParameters, context: TaskContext) -> ProcessRasterCollectionResult:
    """One list of all parts of each mosaic, in the order of the files, read and written in passing.

    Raises:
        PermanentTaskError: COLLECTION_EMPTY: not a single file became a COG.
    """
    if not parameters.part_names:
        raise PermanentTaskError(
            "None of the files could be converted.",
            code="COLLECTION_EMPTY",
            remedy="See the errors of the single tasks.",
        )
    first, *others = (_gathered(each, context) for each in (parameters, *parameters.others))
    return first.model_copy(update={"others": tuple(others)})


def _gathered(parameters: GatherPartsParameters, context: TaskContext) -> ProcessRasterCollectionResult:
    total_bytes = 0

    def parts() -> Iterator[MosaicPart]:
        nonlocal total_bytes
        for part in _read_parts(parameters, context):
            total_bytes += part.size_bytes
            yield part

    name = f"{context.attempt_name}-parts" + (f"-{parameters.mosaic}" if parameters.mosaic else "")
    uri = f"{parameters.target_prefix.rstrip('/')}/{name}.jsonl"
    count = write_lines(context, uri, parts())
    return ProcessRasterCollectionResult(
        mosaic=parameters.mosaic,
        parts_uri=uri,
        part_count=count,
        missing_count=parameters.missing_count,
        missing=parameters.missing,
        total_bytes=total_bytes,
    )


def _read_parts(parameters: GatherPartsParameters, context: TaskContext) -> Iterator[MosaicPart]:
    """Some hundred blobs at a time, over several connections, in their order."""
    folder = _records(parameters.target_prefix)
    names, done = iter(parameters.part_names), 0

    def read(name: str) -> MosaicPart:
        return read_document(context.storage, f"{folder}/{name}", MosaicPart)

    with ThreadPoolExecutor(_CONNECTIONS) as connections:
        while some := list(islice(names, _AT_A_TIME)):
            context.checkpoint(done / len(parameters.part_names))
            yield from connections.map(read, some)
            done += len(some)


def _records(target_prefix: str) -> str:
    return f"{target_prefix.rstrip('/')}/records"


def _part(name: str, made: ProcessRasterResult) -> MosaicPart:
    return MosaicPart(
        name=name,
        blob_uri=made.blob_uri,
        size_bytes=made.size_bytes,
        sha256=made.sha256,
        width=made.width,
        height=made.height,
        crs=made.crs,
        bounds=made.bounds,
        bbox=made.bbox,
        transform=made.transform,
        statistics=made.statistics,
        source_uri=made.source.uri,
    )
