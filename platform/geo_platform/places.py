"""What the results of a chain say about the published data: where they are, and what they are. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from geo_platform.endpoints import Urls
from geo_platform.layer_collections import LayerCollection, layer_collections
from geo_platform.mosaics import DatasetMosaic
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
    {"table", "generalised", "overview", "files_uri", "tile_cache_uri"}.union(
        *map(Mapping.values, _OF_SHAPE.values())
    )
)
# Of tables, these are about all of them; the rest of a table stands in the table.
_OF_ALL_TABLES = ("feature_count", "rejected_count", "null_geometry_count", "bbox")
_OF_FIRST_TABLE = ("geometry_type", "srid", "source_crs", "columns")
_OF_COLLECTION = ("layer", "family", "geometry_type", "feature_count", "rejected_count", "bbox")
_OF_MOSAIC = (
    *("classification", "band_count", "dtypes", "nodata", "crs", "resolution", "bbox", "minzoom", "maxzoom"),
    *("part_count", "missing_count", "missing"),
)
# What describes how the data came about, not what they are; the report has it.
_HISTORY = frozenset({"schema_version", "source", "warnings", "findings"})
_NAMED_IN_WARNING = 5


def locations(context: PlanContext) -> dict[str, Any]:
    """The blobs that readers are pointed to, by what they are; `products` is a mapping of its own.

    Of several mosaics those of the first.
    """
    if context.shape is Shape.MOSAIC:
        return mosaic_locations(context.mosaics[0])
    found = _places_in(context.summary, context.shape)
    if context.runs("generate_tile_cache"):
        found |= _tile_cache_in(context.result_of("generate_tile_cache"))
    if context.runs("terrain_products"):
        found["products"] = {each["name"]: each["blob_uri"] for each in _products(context)}
    if context.exports:
        found["exports"] = {each["format"]: each["blob_uri"] for each in context.exports}
    return found


def mosaic_locations(mosaic: DatasetMosaic) -> dict[str, Any]:
    """The blobs that readers of one mosaic are pointed to."""
    return _places_in(mosaic.summary, Shape.MOSAIC) | _tile_cache_in(mosaic.tile_cache or {})


def _places_in(summary: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    return {name: summary[key] for name, key in _OF_SHAPE[shape].items() if summary.get(key)}


def _tile_cache_in(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """None of a raster whose tiles are all empty."""
    uri = drawn.get("tile_cache_uri")
    return {"tile_cache": uri} if uri else {}


def blobs_in(found: Mapping[str, Any]) -> Iterator[str]:
    """Every URI of `locations`."""
    for place in found.values():
        if isinstance(place, Mapping):
            yield from blobs_in(place)
        else:
            yield place


def characteristics(context: PlanContext, urls: Urls) -> dict[str, Any]:
    """The summary without places, with what was made besides."""
    if context.shape is Shape.TABLE:
        return _of_tables(context, urls)
    return _of_mosaics(context, urls) if context.shape is Shape.MOSAIC else _of_cog(context)


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


def _of_mosaics(context: PlanContext, urls: Urls) -> dict[str, Any]:
    """What the first one is; `mosaics` has all of them, where there are several."""
    mosaics = context.mosaics
    several = {"mosaics": [_of_mosaic(each, context, urls) for each in mosaics]} if len(mosaics) > 1 else {}
    return mosaic_characteristics(mosaics[0]) | several


def mosaic_characteristics(mosaic: DatasetMosaic) -> dict[str, Any]:
    """The summary of one mosaic without places, with what was drawn of it."""
    drawn = {"tile_cache": facts(mosaic.tile_cache)} if mosaic.tile_cache else {}
    return facts(mosaic.summary) | drawn


def _of_mosaic(mosaic: DatasetMosaic, context: PlanContext, urls: Urls) -> dict[str, Any]:
    return {
        "collection_id": mosaic.collection_id,
        "title": mosaic.title,
        **{name: mosaic.summary[name] for name in _OF_MOSAIC},
        **context.urls_of(mosaic, urls).endpoints,
    }


def _of_cog(context: PlanContext) -> dict[str, Any]:
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
    """How many parts of mosaics, or features of a source, are not there."""
    whole = all_mosaics(summary)
    return int(whole.get("missing_count", whole.get("rejected_count", 0)))


def all_mosaics(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """The counts over all mosaics: of a result with `others`, or of characteristics with `mosaics`."""
    several = summary.get("mosaics") or [summary, *summary.get("others", ())]
    if len(several) == 1:
        return summary
    return {
        "part_count": sum(each["part_count"] for each in several),
        "missing_count": sum(each["missing_count"] for each in several),
        "missing": [part for each in several for part in each["missing"]],
    }


def missing_warning(result: Mapping[str, Any]) -> str:
    """What is missing, how much of it, and the first parts; empty when all is there."""
    summary = all_mosaics(result)
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
