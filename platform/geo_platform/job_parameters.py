"""The parameters of every job of a chain, from the request and the results of the jobs before it. Pure."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from core.task_models.raster_cog import CogTier, Compression
from core.task_models.raster_collection import MAX_REFUSED
from geo_platform.endpoints import Urls
from geo_platform.layer_collections import LayerCollection, layer_collections
from geo_platform.mosaics import DatasetMosaic, first_and_others
from geo_platform.plan_context import PlanContext
from geo_platform.states import Shape
from geo_platform.vector_processing import cleaning_of, exports_of, reading_of, tables_of

Parameters = dict[str, Any]
Result = Mapping[str, Any]
_FOR_COGS = (
    "compression",
    "blocksize",
    "predictor",
    "resampling",
    "overview_resampling",
    "target_crs",
    "target_resolution",
    "target_nodata",
    "build_overviews",
    "generate_statistics",
    "default_colormap",
)
_OF_COGS = ("info", "tiles", "tilejson", "preview", "legend", "download", "map", "tile_cache")
_OF_MOSAICS = (*_OF_COGS, "mosaicjson", "part")


def parameters_of(job_type: str, context: PlanContext, urls: Urls) -> Parameters:
    """The parameters of a job of the chain.

    Raises:
        ContractViolation: a result that they need is missing.
    """
    return _PARAMETERS[job_type](context, urls)


def _source(context: PlanContext) -> Parameters:
    return {"source_uri": context.source_uri, "source_etag": context.source_etag}


def _reading(context: PlanContext) -> Parameters:
    asked = {name: context.processing[name] for name in ("source_crs", "nodata", "subdataset")}
    names = context.processing.get("class_names")  # requests of before there was the option lack it
    return {**asked, "extra_formats": context.extra_formats} | ({"class_names": names} if names else {})


def _cog_options(context: PlanContext) -> Parameters:
    """The tier is `analysis` unless the client asks for another, or for a compression that loses."""
    options = {name: context.processing[name] for name in _FOR_COGS}
    compression = context.processing["compression"]
    is_lossy = compression is not None and not Compression(compression).is_lossless
    by_compression = CogTier.VISUALIZATION if is_lossy else CogTier.ANALYSIS
    return {**options, "cog_tier": context.processing["cog_tier"] or by_compression.value}


def _ingest_vector(context: PlanContext, urls: Urls) -> Parameters:  # noqa: ARG001 - one signature for all
    asked = context.processing
    return {
        **_source(context),
        "target_prefix": context.target_prefix,
        "target_crs": asked["target_crs"],
        "reading": reading_of(asked, extra_formats=context.extra_formats),
        "cleaning": cleaning_of(asked),
        "tables": tables_of(asked),
        "max_failed_fraction": asked["max_failed_fraction"],
    }


def _export_vector(context: PlanContext, urls: Urls) -> Parameters:  # noqa: ARG001
    """The tables are still in `staging`: they are published together with the files."""
    return {
        "tables": [_export_table(each) for each in layer_collections(context)],
        "formats": exports_of(context.processing),
        "target_prefix": context.target_prefix,
        "request_id": context.request_id,
        "name": context.collection_id,
    }


def _export_table(collection: LayerCollection) -> Parameters:
    same = ("table", "srid", "geometry_type", "feature_count", "columns")
    return {
        **{name: collection.table[name] for name in same},
        "db_schema": "staging",
        "name": collection.name,
        "collection_id": collection.collection_id,
        "title": collection.title,
    }


def _validate_raster(context: PlanContext, urls: Urls) -> Parameters:  # noqa: ARG001
    return {**_source(context), "reading": _reading(context)}


def _process_raster(context: PlanContext, urls: Urls) -> Parameters:  # noqa: ARG001
    return {
        **_source(context),
        "target_prefix": context.target_prefix,
        "reading": _reading(context),
        "options": _cog_options(context),
    }


def _process_large_raster(context: PlanContext, urls: Urls) -> Parameters:
    return {
        **_process_raster(context, urls),
        "tile_size": context.processing["tile_size"],
        "max_failed_fraction": context.processing["max_failed_fraction"],
    }


def _validate_collection(context: PlanContext, urls: Urls) -> Parameters:  # noqa: ARG001
    return {
        "sources": context.collection,
        "target_prefix": context.target_prefix,
        "reading": _reading(context),
        "options": _cog_options(context),
        "on_mixed": context.processing["on_mixed"],
        "max_files": context.max_files,
        "max_failed_fraction": context.processing["max_failed_fraction"],
    }


def _process_collection(context: PlanContext, urls: Urls) -> Parameters:  # noqa: ARG001
    validated = context.result_of("validate_raster_collection")
    return {
        "files_uri": validated["files_uri"],
        "classification": validated["classification"],
        "mosaics": validated.get("mosaics", ()),
        "target_prefix": context.target_prefix,
        "reading": _reading(context),
        "options": _cog_options(context),
        "max_failed_fraction": context.processing["max_failed_fraction"],
    }


def _create_mosaic(context: PlanContext, urls: Urls) -> Parameters:  # noqa: ARG001
    """What was refused by the validation is missing in the mosaic as much as what failed later.

    Of several mosaics, it is missing in the first: nobody knows what it would have been.
    """
    refused = context.result_of("validate_raster_collection")
    lists = first_and_others(context.result_of("process_raster_collection"))
    first, *others = (_mosaic_of(each, refused, context) for each in lists)
    missing = [{"name": each["name"], "code": each["code"]} for each in refused["refused"]]
    return {
        **first,
        "missing": [*missing, *first["missing"]][:MAX_REFUSED],
        "missing_count": refused["refused_count"] + first["missing_count"],
        "others": others,
    }


def _mosaic_of(made: Result, validated: Result, context: PlanContext) -> Parameters:
    """Of a list of parts; results of before there could be several of them lack the number."""
    kind = validated["mosaics"][made["mosaic"]] if validated.get("mosaics") else validated
    return {
        "parts_uri": made["parts_uri"],
        "classification": kind["classification"],
        "classes": kind.get("classes", ()),
        "target_prefix": context.target_prefix,
        "missing": made["missing"],
        "missing_count": made["missing_count"],
        "options": _cog_options(context),
    }


def _tile_cache(context: PlanContext, urls: Urls) -> Parameters:  # noqa: ARG001
    if context.shape is Shape.COG:
        return _drawing(context.summary, context, "blob_uri")
    first, *others = (
        _drawing(each.summary, context, "mosaic_uri", "overview_uri")
        for each in context.mosaics
        if each.has_overview
    )
    return {**first, "others": others}


def _drawing(summary: Result, context: PlanContext, *drawn: str) -> Parameters:
    return {
        **{name: summary[name] for name in drawn},
        "rendering": summary["rendering"],
        "target_prefix": context.target_prefix,
    }


def _terrain(context: PlanContext, urls: Urls) -> Parameters:  # noqa: ARG001
    return {
        "blob_uri": context.summary["blob_uri"],
        "classification": context.summary["classification"],
        "products": context.processing["products"],
        "target_prefix": context.target_prefix,
    }


def _stac_of_any(context: PlanContext) -> Parameters:
    return {
        "item_id": context.collection_id,
        "collection_id": context.stac_collection,
        "collection_title": context.title,
        "namespace": context.namespace,
        "identifiers": dict(context.identifiers),
        "title": context.title,
        "summary": context.summary,
    }


def _stac_vectors(context: PlanContext, urls: Urls) -> Parameters:
    offered = context.urls(urls)
    of_dataset = offered.pick("download", "map")
    return {
        **_stac_of_any(context),
        "collection_title": f"{context.namespace.upper()} vector datasets",
        "layers": [
            {
                "collection_id": each.collection_id,
                "hrefs": {**urls.collection(each.collection_id), **of_dataset},
            }
            for each in layer_collections(context)
        ],
        "exports": context.exports,
        **offered.pick("report", "rejects"),
    }


def _stac_raster(context: PlanContext, urls: Urls) -> Parameters:
    parameters = _stac_of_any(context)
    offered = context.urls(urls)
    parameters["hrefs"] = {**offered.pick(*_OF_COGS), "products": offered.products}
    parameters["collection_title"] = f"{context.namespace.upper()} raster datasets"
    if context.runs("terrain_products"):
        parameters["products"] = context.result_of("terrain_products")["products"]
    if context.runs("generate_tile_cache"):
        parameters["tile_cache"] = context.result_of("generate_tile_cache")
    return parameters


def _stac_mosaic(context: PlanContext, urls: Urls) -> Parameters:
    first, *others = context.mosaics
    return {
        **_stac_of_any(context),
        **_described(first, context, urls),
        "others": [
            {"name": each.collection_id, "title": each.title, **_described(each, context, urls)}
            for each in others
        ],
    }


def _described(mosaic: DatasetMosaic, context: PlanContext, urls: Urls) -> Parameters:
    return {
        "summary": mosaic.summary,
        "hrefs": context.urls_of(mosaic, urls).pick(*_OF_MOSAICS),
        "tile_cache": mosaic.tile_cache,
    }


_PARAMETERS: Mapping[str, Callable[[PlanContext, Urls], Parameters]] = MappingProxyType(
    {
        "ingest_vector": _ingest_vector,
        "export_vector": _export_vector,
        "stac_catalog_vectors": _stac_vectors,
        "validate_raster": _validate_raster,
        "process_raster": _process_raster,
        "process_large_raster": _process_large_raster,
        "validate_raster_collection": _validate_collection,
        "process_raster_collection": _process_collection,
        "create_mosaic_json": _create_mosaic,
        "generate_tile_cache": _tile_cache,
        "terrain_products": _terrain,
        "stac_catalog_raster": _stac_raster,
        "stac_catalog_tiles": _stac_mosaic,
        "stac_catalog_collection": _stac_mosaic,
    }
)
