"""What the results of a chain say about the published data: where they are, and what they are. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from geo_platform.endpoints import Urls
from geo_platform.layer_collections import LayerCollection, layer_collections
from geo_platform.plan_context import PlanContext
from geo_platform.states import Shape

_OF_SHAPE: Mapping[Shape, Mapping[str, str]] = {
    Shape.TABLE: {"rejects": "rejects_uri"},
    Shape.COG: {"blob": "blob_uri"},
    Shape.MOSAIC: {
        "mosaic": "mosaic_uri",
        "parts": "parts_uri",
        "overview": "overview_uri",
        "scheme": "scheme_uri",
    },
}
_PLACES = frozenset(
    {"table", "generalised", "files_uri", "tile_cache_uri"}.union(*map(Mapping.values, _OF_SHAPE.values()))
)
# Of tables, these are about all of them; the rest of a table stands in the table.
_OF_ALL_TABLES = ("feature_count", "rejected_count", "null_geometry_count", "bbox")
_OF_FIRST_TABLE = ("geometry_type", "srid", "source_crs", "columns")
_OF_COLLECTION = ("layer", "family", "geometry_type", "feature_count", "rejected_count", "bbox")
# What describes how the data came about, not what they are; the report has it.
_HISTORY = frozenset({"schema_version", "source", "warnings", "findings"})
_NAMED_IN_WARNING = 5


def locations(context: PlanContext) -> dict[str, Any]:
    """The blobs that readers are pointed to, by what they are; `products` is a mapping of its own."""
    summary = context.summary
    found: dict[str, Any] = {
        name: summary[key] for name, key in _OF_SHAPE[context.shape].items() if summary.get(key)
    }
    if context.runs("generate_tile_cache"):
        found["tile_cache"] = context.result_of("generate_tile_cache")["tile_cache_uri"]
    if context.runs("terrain_products"):
        found["products"] = {each["name"]: each["blob_uri"] for each in _products(context)}
    if context.exports:
        found["exports"] = {each["format"]: each["blob_uri"] for each in context.exports}
    return found


def blobs_in(found: Mapping[str, Any]) -> Iterator[str]:
    """Every URI of `locations`."""
    for place in found.values():
        if isinstance(place, Mapping):
            yield from blobs_in(place)
        else:
            yield place


def characteristics(context: PlanContext, urls: Urls) -> dict[str, Any]:
    """The summary without places, with what was made besides."""
    return _of_tables(context, urls) if context.shape is Shape.TABLE else _of_raster(context)


def _of_tables(context: PlanContext, urls: Urls) -> dict[str, Any]:
    """What stands beside the counts is that of the first table; `collections` has all of them."""
    collections = layer_collections(context)
    found = {
        **{name: context.summary[name] for name in _OF_ALL_TABLES},
        **{name: collections[0].table[name] for name in _OF_FIRST_TABLE},
        "collections": [_of_collection(each, urls) for each in collections],
    }
    return found | ({"exports": [facts(each) for each in context.exports]} if context.exports else {})


def _of_collection(collection: LayerCollection, urls: Urls) -> dict[str, Any]:
    return {
        "collection_id": collection.collection_id,
        "title": collection.title,
        **{name: collection.table[name] for name in _OF_COLLECTION},
        **urls.collection(collection.collection_id),
    }


def _of_raster(context: PlanContext) -> dict[str, Any]:
    found = facts(context.summary)
    if context.runs("generate_tile_cache"):
        found["tile_cache"] = facts(context.result_of("generate_tile_cache"))
    if context.runs("terrain_products"):
        found["products"] = [facts(each) for each in _products(context)]
    return found


def facts(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without the places of blobs, at any depth, and without how it came about."""
    return {
        name: [facts(each) if isinstance(each, Mapping) else each for each in value]
        if isinstance(value, list)
        else value
        for name, value in result.items()
        if name not in _PLACES | _HISTORY
    }


def missing_count(summary: Mapping[str, Any]) -> int:
    """How many parts of a mosaic, or features of a source, are not there."""
    return int(summary.get("missing_count", summary.get("rejected_count", 0)))


def missing_warning(summary: Mapping[str, Any]) -> str:
    """What is missing, how much of it, and the first parts; empty when all is there."""
    number = missing_count(summary)
    if not number:
        return ""
    if "rejected_count" in summary:
        verb = "was" if number == 1 else "were"
        read = number + int(summary["feature_count"])
        return f"{number:,} of {read:,} features {verb} rejected; see the report."
    named = [f"{part['name']} ({part['code']})" for part in summary["missing"][:_NAMED_IN_WARNING]]
    more = " and others" if number > len(named) else ""
    verb = "is" if number == 1 else "are"
    return f"{number} of {number + summary['part_count']} parts {verb} missing: {', '.join(named)}{more}."


def _products(context: PlanContext) -> list[Mapping[str, Any]]:
    return list(context.result_of("terrain_products")["products"])
