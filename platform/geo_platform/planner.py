"""Which jobs serve a request, in which order, and how the order changes on the way. Pure: no I/O."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from geo_platform.mosaics import first_and_others
from geo_platform.plan_context import Chain, ChainStep, Results
from geo_platform.source import is_windowed
from geo_platform.states import DataType
from geo_platform.vector_processing import exports_of

_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "ingest_vector": 9,
        "export_vector": 3,
        "validate_raster": 2,
        "validate_raster_collection": 3,
        "process_raster": 7,
        "process_large_raster": 14,
        "process_raster_collection": 14,
        "generate_tile_cache": 2,
        "terrain_products": 2,
    }
)
"""About how long the jobs take, compared with each other; 1 for the others."""


def chain_of(data_type: DataType, processing: Mapping[str, Any]) -> Chain:
    """The steps of a request with these options, in order."""
    if data_type is DataType.VECTOR:
        exports = ("export_vector",) if exports_of(processing) else ()
        return _steps("ingest_vector", *exports, "stac_catalog_vectors")
    cache = ("generate_tile_cache",) if processing.get("generate_tile_cache") else ()
    terrain = ("terrain_products",) if processing.get("products") else ()
    if data_type is DataType.RASTER:
        return _steps("validate_raster", "process_raster", *cache, *terrain, "stac_catalog_raster")
    if data_type is DataType.LARGE_RASTER:
        return _steps("validate_raster", "process_large_raster", *cache, "stac_catalog_tiles")
    making = ("validate_raster_collection", "process_raster_collection", "create_mosaic_json")
    return _steps(*making, *cache, "stac_catalog_collection")


def revised(chain: Chain, results: Results, *, source_uri: str, large_bytes: int) -> Chain:
    """The chain as what was found out calls for it.

    A raster of more than `large_bytes` becomes a mosaic, if it can be read in parts; a mosaic without an
    overview has no tile cache. The chain keeps its length, and the steps that have run stay what they were.
    """
    if "process_raster" not in results and _is_large(results, source_uri, large_bytes):
        chain = tuple(_PROMOTED.get(step.job_type, step) for step in chain)
    made = first_and_others(results.get("create_mosaic_json", {"overview_uri": ""}))
    if all(each["overview_uri"] is None for each in made):
        return tuple(_WITHOUT_OVERVIEW.get(step.job_type, step) for step in chain)
    return chain


def _is_large(results: Results, source_uri: str, large_bytes: int) -> bool:
    pixel_bytes = results.get("validate_raster", {}).get("pixel_bytes", 0)
    return bool(pixel_bytes > large_bytes) and is_windowed(source_uri)


_PROMOTED = {
    "process_raster": ChainStep("process_large_raster"),
    "terrain_products": ChainStep(
        "terrain_products",
        skipped="terrain products are made of single rasters, and this one became a mosaic",
    ),
    "stac_catalog_raster": ChainStep("stac_catalog_tiles"),
}
_WITHOUT_OVERVIEW = {
    "generate_tile_cache": ChainStep(
        "generate_tile_cache",
        skipped="there is no tile cache, because there is no overview of the whole to draw",
    )
}


def following(chain: Chain, step: int) -> int | None:
    """The next step that runs, after this one; None after the last."""
    return next((n for n, each in enumerate(chain) if n > step and not each.skipped), None)


def share_done(chain: Chain, *, step: int, share: float) -> float:
    """How much of a chain is done, 0 to 1, when it stands at `step` and `share` of that job is done."""
    weights = [_WEIGHTS.get(each.job_type, 1) if not each.skipped else 0.0 for each in chain]
    current = weights[step] if step < len(weights) else 0.0
    return (sum(weights[:step]) + current * share) / sum(weights)


def _steps(*job_types: str) -> Chain:
    return tuple(ChainStep(job_type) for job_type in job_types)
