"""The task `create_mosaic_stac`: a published mosaic as a STAC collection with one item for each part.

A mosaic may have ten thousand parts: they are read, described and written one after the other.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from core.errors import ContractViolation
from core.ports import BlobStore
from core.schema.queue import QueueRole
from core.task_models.raster_mosaic import MosaicPart, MosaicResult
from core.task_models.raster_stac import StacItemsResult, StacMosaic, StacMosaicParameters
from core.task_models.stac import MosaicHrefs
from services.context import TaskContext
from services.registry import register_task
from services.stac.elements import (
    FILE,
    PROJECTION,
    RASTER,
    Json,
    link,
)
from services.stac.footprints import footprint
from services.stac.items import ItemContent, item_document, item_interval
from services.stac.mosaic_collection import PartsSummary, mosaic_collection
from services.stac.part_times import observed, time_properties
from services.stac.raster_parts import (
    bands,
    crs_of,
    data_asset,
    extensions_of_bands,
    projection,
)

CONTENT_TYPE = "application/jsonl"
_EXTENSIONS = (PROJECTION, RASTER, FILE)
_ITEMS_PER_CHECKPOINT = 100
_MAX_SUMMARISED_CRS = 50


@register_task("create_mosaic_stac", queue=QueueRole.RASTER_TASKS)
def create_mosaic_stac(parameters: StacMosaicParameters, context: TaskContext) -> StacItemsResult:
    """Describe the mosaics from what was measured; no raster is opened.

    The items go to a temporary blob beside the list of parts, in the order of that list, mosaic by mosaic.

    Raises:
        NotFound: SOURCE_NOT_FOUND: the list of parts is gone.
        TransientError: STORAGE_TIMEOUT.
        ContractViolation: PARTS_INVALID.
    """
    now = datetime.now(UTC)
    path = context.workspace / "items.jsonl"
    summary, count = _write(path, _items(context, parameters, now=now))
    maps = "one map" if not parameters.others else f"{len(parameters.mosaics)} maps"
    collection = mosaic_collection(
        parameters, summary, description=f"Cloud Optimized GeoTIFFs that make up {maps}."
    )
    return StacItemsResult(
        collection=collection, items_uri=_upload(path, parameters, context), item_count=count
    )


def _items(
    context: TaskContext, parameters: StacMosaicParameters, *, now: datetime
) -> Iterator[tuple[MosaicPart, Json]]:
    """The parts of all mosaics with their items."""
    total, done = sum(each.summary.part_count for each in parameters.mosaics), 0
    for each in parameters.mosaics:
        for part in _parts(context.storage, each.summary):
            if done % _ITEMS_PER_CHECKPOINT == 0:
                context.checkpoint(0.95 * min(done / total, 1.0))
            yield part, part_item(parameters, each, part, now=now)
            done += 1


def part_item(parameters: StacMosaicParameters, of: StacMosaic, part: MosaicPart, *, now: datetime) -> Json:
    """The item of one part as JSON: STAC 1.0.0 with the extensions projection, raster, file, eo.

    Of several mosaics, it says which one the part belongs to.
    """
    mosaic, namespace = of.summary, parameters.namespace
    header = mosaic.model_copy(update={"crs": part.crs, "resolution": _resolution(part)})
    data = data_asset(_href(of.hrefs, part), mosaic, size_bytes=part.size_bytes, sha256=part.sha256)
    data["raster:bands"] = bands(header, part.statistics, bbox=part.bbox, rendering=mosaic.rendering)
    place = footprint(crs_of(part.crs), part.transform, width=part.width, height=part.height, bbox=part.bbox)
    source = {f"{namespace}:source": part.source_uri} if part.source_uri else {}
    belongs = {f"{namespace}:mosaic": of.name} if parameters.others else {}
    content = ItemContent(
        geometry=place.geometry,
        bbox=place.bbox,
        assets={"data": data},
        links=(link("alternate", of.hrefs.map, "text/html", "Map"),),
        extensions=(*_EXTENSIONS, *extensions_of_bands(mosaic, mosaic.rendering)),
        properties=projection(
            part.crs, bounds=part.bounds, shape=(part.height, part.width), transform=part.transform
        )
        | source
        | belongs
        | _times(parameters, part),
    )
    named = parameters.model_copy(update={"item_id": part.name, "title": part.name})
    return item_document(named, content, now=now)


def _times(parameters: StacMosaicParameters, part: MosaicPart) -> Json:
    """Those of the name of its own file; parts that were cut from one source have none of their own."""
    if part.source_uri is None:
        return {}
    interval = observed(part.source_uri.rpartition("/")[2])
    return dict(time_properties(parameters, interval) or {}) if interval else {}


def _resolution(part: MosaicPart) -> tuple[float, float]:
    a, b, _, d, e, _ = part.transform
    return (a * a + d * d) ** 0.5, (b * b + e * e) ** 0.5


def _href(hrefs: MosaicHrefs, part: MosaicPart) -> str:
    template = hrefs.part
    return part.blob_uri if template is None else template.replace("{name}", part.name)


def _parts(storage: BlobStore, mosaic: MosaicResult) -> Iterator[MosaicPart]:
    """Of one mosaic, which has as many as its result says."""
    count = 0
    for count, line in enumerate(_lines(storage, mosaic.parts_uri), start=1):
        try:
            yield MosaicPart.model_validate_json(line)
        except ValidationError as exc:
            raise ContractViolation(
                f"line {count} of the list of parts is no part of a mosaic", code="PARTS_INVALID"
            ) from exc
    if count != mosaic.part_count:
        raise ContractViolation(
            f"the list of parts has {count} parts, and the mosaic {mosaic.part_count}", code="PARTS_INVALID"
        )


def _lines(storage: BlobStore, uri: str) -> Iterator[bytes]:
    """The lines of a blob that are not empty, without holding more than one and a chunk."""
    rest = b""
    for chunk in storage.open_range(uri):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest


def _write(path: Path, items: Iterable[tuple[MosaicPart, Json]]) -> tuple[PartsSummary, int]:
    """Write the items as lines; what they have in common, and their number, which is not 0."""
    start, end = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    crs, count = dict[str, None](), 0
    with path.open("w", encoding="utf-8") as file:
        for part, item in items:
            file.write(json.dumps(item, allow_nan=False, separators=(",", ":")) + "\n")
            first, last = item_interval(item)
            start, end, count = min(start, first), max(end, last), count + 1
            if len(crs) < _MAX_SUMMARISED_CRS:
                crs[part.crs] = None
    return PartsSummary(start, end, tuple(crs)), count


def _upload(path: Path, parameters: StacMosaicParameters, context: TaskContext) -> str:
    folder = parameters.summary.parts_uri.rpartition("/")[0]
    uri = f"{folder}/{context.attempt_name}_items.jsonl"
    context.artefacts.stage_blob(
        uri, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt, temporary=True
    )
    return context.storage.upload_new(path, uri, content_type=CONTENT_TYPE).uri
