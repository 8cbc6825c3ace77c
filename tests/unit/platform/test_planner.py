"""Chains: which steps, when they change, and that every step's parameters fit its job type."""

import re
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jobs.registry
from core.errors import ContractViolation
from geo_platform.bodies import REQUEST_MODELS
from geo_platform.endpoints import Urls
from geo_platform.job_parameters import parameters_of
from geo_platform.places import characteristics
from geo_platform.plan_context import Chain, ChainStep, PlanContext, Results
from geo_platform.planner import chain_of, following, revised, share_done
from geo_platform.states import (
    DATASET_TRANSITIONS,
    DatasetStatus,
    DataType,
    RequestStatus,
    Shape,
    allowed_from,
)
from infrastructure.queries import SQL_ROOT
from tests.integration.platform.results import result_of

URLS = Urls("https://hub.example")
LARGE = 1000
SOURCES = {
    DataType.VECTOR: "bronze/x.gpkg",
    DataType.RASTER: "bronze/x.tif",
    DataType.LARGE_RASTER: "bronze/x.tif",
    DataType.RASTER_COLLECTION: "bronze/x/",
}
EXTRAS: dict[str, Any] = {"generate_tile_cache": True, "products": ["hillshade"]}


def processing_of(data_type: DataType, **options: Any) -> dict[str, Any]:
    body = {
        "dataset_id": "d",
        "resource_id": "r",
        "version_id": "v",
        "request_type": data_type.value,
        "source_path": SOURCES[data_type],
        "processing_config": options,
    }
    return REQUEST_MODELS[data_type].model_validate(body).processing_config.model_dump(mode="json")


def context_of(
    data_type: DataType, *, chain: Chain | None = None, results: Results | None = None, **options: Any
) -> PlanContext:
    processing = processing_of(data_type, **options)
    return PlanContext(
        data_type=data_type,
        request_id="0" * 32,
        revision=2,
        namespace="ddh",
        identifiers={"dataset_id": "d", "resource_id": "r", "version_id": "v"},
        collection_id="d_r_v_01234567",
        source_uri=f"azure://{SOURCES[data_type]}",
        source_etag='"e"',
        processing=processing,
        published_container="silver",
        chain=chain or chain_of(data_type, processing),
        extra_formats=True,
        collection={"prefix": "azure://bronze/x"},
        results=results or {},
    )


def run(context: PlanContext) -> dict[str, dict[str, Any]]:
    """The results of all steps, each after its parameters were held against its job type."""
    registry, results = jobs.registry.discover(), dict[str, dict[str, Any]]()
    for step in context.chain:
        if step.skipped:
            continue
        now = context_of(context.data_type, chain=context.chain, results=results, **asked(context))
        given = parameters_of(step.job_type, now, URLS)
        parameters = registry[step.job_type].validate_job_parameters(given)
        results[step.job_type] = result_of(
            step.job_type, parameters.model_dump(mode="json"), job_id="0123456789abcdef"
        )
    return results


def asked(context: PlanContext) -> dict[str, Any]:
    """The options that are not the defaults."""
    default = processing_of(context.data_type)
    return {name: value for name, value in context.processing.items() if value != default[name]}


def names(chain: Chain) -> list[str]:
    return [step.job_type for step in chain if not step.skipped]


@pytest.mark.parametrize(
    ("data_type", "options"),
    [
        (DataType.VECTOR, {}),
        (
            DataType.VECTOR,
            {"layers": ["a", "rejects", "huge"], "exports": ["gpkg"], "target_crs": "EPSG:3857"},
        ),
        (DataType.VECTOR, {"layer": "a", "generate_tile_cache": True, "max_failed_fraction": 0.5}),
        (DataType.RASTER, {}),
        (DataType.RASTER, {**EXTRAS, "compression": "jpeg", "nodata": 0, "target_crs": "EPSG:3857"}),
        (DataType.LARGE_RASTER, {}),
        (DataType.LARGE_RASTER, {"generate_tile_cache": True, "tile_size": 4096, "max_failed_fraction": 0.1}),
        (DataType.RASTER_COLLECTION, {}),
        (DataType.RASTER_COLLECTION, {"generate_tile_cache": True, "on_mixed": "groups"}),
        (DataType.RASTER_COLLECTION, {"generate_tile_cache": True, "on_mixed": "split"}),
    ],
)
def test_the_parameters_of_every_step_fit_its_job_type(data_type: DataType, options: dict[str, Any]) -> None:
    context = context_of(data_type, **options)
    assert list(run(context)) == names(context.chain)


def test_the_parameters_of_a_promoted_raster_fit_as_well() -> None:
    context = context_of(DataType.RASTER, **EXTRAS)
    chain = revised(
        context.chain,
        {"validate_raster": {"pixel_bytes": LARGE + 1}},
        source_uri=context.source_uri,
        large_bytes=LARGE,
    )
    promoted = context_of(DataType.RASTER, chain=chain, **EXTRAS)
    assert list(run(promoted)) == names(chain)
    assert (promoted.shape, promoted.stac_collection) == (Shape.MOSAIC, promoted.collection_id)


def test_options_add_steps() -> None:
    def chain(data_type: DataType, **options: Any) -> list[str]:
        return names(chain_of(data_type, processing_of(data_type, **options)))

    assert chain(DataType.VECTOR) == ["ingest_vector", "stac_catalog_vectors"]
    for options in ({"exports": ["gpkg"]}, {"generate_tile_cache": True}):
        assert chain(DataType.VECTOR, **options) == ["ingest_vector", "export_vector", "stac_catalog_vectors"]
    assert chain(DataType.RASTER) == ["validate_raster", "process_raster", "stac_catalog_raster"]
    assert chain(DataType.RASTER, **EXTRAS) == [
        "validate_raster",
        "process_raster",
        "generate_tile_cache",
        "terrain_products",
        "stac_catalog_raster",
    ]
    assert chain(DataType.LARGE_RASTER, generate_tile_cache=True) == [
        "validate_raster",
        "process_large_raster",
        "generate_tile_cache",
        "stac_catalog_tiles",
    ]
    assert chain(DataType.RASTER_COLLECTION, generate_tile_cache=True) == [
        "validate_raster_collection",
        "process_raster_collection",
        "create_mosaic_json",
        "generate_tile_cache",
        "stac_catalog_collection",
    ]


def revised_after_validation(pixel_bytes: int, *, source_uri: str = "azure://bronze/x.tif") -> Chain:
    return revised(
        chain_of(DataType.RASTER, EXTRAS),
        {"validate_raster": {"pixel_bytes": pixel_bytes}},
        source_uri=source_uri,
        large_bytes=LARGE,
    )


def test_a_large_raster_becomes_a_mosaic_and_the_chain_keeps_its_length() -> None:
    chain = revised_after_validation(LARGE + 1)
    assert names(chain) == [
        "validate_raster",
        "process_large_raster",
        "generate_tile_cache",
        "stac_catalog_tiles",
    ]
    assert len(chain) == 5
    assert chain[3].skipped
    assert following(chain, 2) == 4


@pytest.mark.parametrize(
    ("pixel_bytes", "source_uri"),
    [
        (LARGE, "azure://bronze/x.tif"),
        (LARGE + 1, "azure://bronze/x.zip"),
        (LARGE + 1, "azure://bronze/x.nc"),
    ],
)
def test_what_is_small_or_cannot_be_read_in_parts_stays_one_file(pixel_bytes: int, source_uri: str) -> None:
    chain = revised_after_validation(pixel_bytes, source_uri=source_uri)
    assert chain == chain_of(DataType.RASTER, EXTRAS)


def test_what_has_run_is_not_revised() -> None:
    chain = chain_of(DataType.RASTER, EXTRAS)
    results = {"validate_raster": {"pixel_bytes": LARGE + 1}, "process_raster": {}}
    assert revised(chain, results, source_uri="azure://bronze/x.tif", large_bytes=LARGE) == chain


def test_a_mosaic_without_an_overview_has_no_tile_cache() -> None:
    chain = chain_of(DataType.RASTER_COLLECTION, {"generate_tile_cache": True})
    results = {"create_mosaic_json": {"overview_uri": None}}
    after = revised(chain, results, source_uri="", large_bytes=LARGE)
    assert names(after) == [*names(chain)[:3], "stac_catalog_collection"]
    assert revised(after, results, source_uri="", large_bytes=LARGE) == after


def test_one_overview_of_several_mosaics_is_enough_for_a_tile_cache() -> None:
    chain = chain_of(DataType.RASTER_COLLECTION, {"generate_tile_cache": True})
    results = {"create_mosaic_json": {"overview_uri": None, "others": [{"overview_uri": "azure://silver/o"}]}}
    assert revised(chain, results, source_uri="", large_bytes=LARGE) == chain


@given(st.sampled_from(list(DataType)), st.integers(0, 2 * LARGE), st.floats(0, 1), st.floats(0, 1))
def test_what_is_done_grows_with_every_step(
    data_type: DataType, pixel_bytes: int, share: float, more: float
) -> None:
    """Also where the chain is revised on the way."""
    chain, done = chain_of(data_type, EXTRAS), [0.0]
    step: int | None = 0
    while step is not None:
        done += [share_done(chain, step=step, share=part) for part in sorted((share, more))]
        chain = revised(
            chain,
            {"validate_raster": {"pixel_bytes": pixel_bytes}},
            source_uri="x.tif",
            large_bytes=LARGE,
        )
        step = following(chain, step)
    assert all(0 <= each <= 1 for each in done)
    of_same_chain = done[3:]
    assert of_same_chain == sorted(of_same_chain)


def test_a_step_is_stored_and_read_again() -> None:
    for step in (ChainStep("process_raster"), ChainStep("terrain_products", skipped="too large")):
        assert ChainStep.stored(step.entry) == step


def test_a_step_whose_predecessor_left_nothing_is_a_bug_of_ours() -> None:
    with pytest.raises(ContractViolation):
        parameters_of("stac_catalog_vectors", context_of(DataType.VECTOR), URLS)


@pytest.mark.parametrize(
    ("options", "tier"),
    [
        ({}, "analysis"),
        ({"compression": "WEBP"}, "visualization"),
        ({"compression": "ZSTD"}, "analysis"),
        ({"cog_tier": "Archive"}, "archive"),
    ],
)
def test_the_tier_follows_from_a_compression_that_loses(options: dict[str, Any], tier: str) -> None:
    parameters = parameters_of("process_raster", context_of(DataType.RASTER, **options), URLS)
    assert parameters["options"]["cog_tier"] == tier


def test_what_the_operator_allows_reaches_the_reading() -> None:
    parameters = parameters_of("validate_raster", context_of(DataType.RASTER, subdataset=None), URLS)
    assert parameters["reading"]["extra_formats"] is True


def test_what_was_refused_and_what_failed_is_missing_in_the_mosaic() -> None:
    context = context_of(DataType.RASTER_COLLECTION)
    parameters = parameters_of(
        "create_mosaic_json", context_of(DataType.RASTER_COLLECTION, results=run(context)), URLS
    )
    assert parameters["missing_count"] == 2
    assert [part["code"] for part in parameters["missing"]] == ["CRS_MISSING", "RASTER_UNREADABLE"]


def split_context() -> PlanContext:
    """Of a collection of two kinds of files, when all jobs have run."""
    context = context_of(DataType.RASTER_COLLECTION, on_mixed="split", generate_tile_cache=True)
    return context_of(context.data_type, results=run(context), on_mixed="split", generate_tile_cache=True)


def test_every_mosaic_is_made_as_what_its_files_are() -> None:
    parameters = parameters_of("create_mosaic_json", split_context(), URLS)
    (other,) = parameters["others"]
    assert (parameters["classification"], other["classification"]) == ("rgb", "dem")
    assert (parameters["missing_count"], other["missing_count"]) == (2, 0)


def test_results_of_before_there_could_be_several_mosaics_are_still_understood() -> None:
    context = context_of(DataType.RASTER_COLLECTION)
    results = run(context)
    for name in ("validate_raster_collection", "process_raster_collection"):
        for new in ("mosaics", "mosaic", "others"):
            results[name].pop(new, None)
    old = context_of(DataType.RASTER_COLLECTION, results=results)
    for job_type in ("process_raster_collection", "create_mosaic_json"):
        parameters = parameters_of(job_type, old, URLS)
        jobs.registry.discover()[job_type].validate_job_parameters(parameters)
    assert parameters["others"] == []
    assert parameters["missing_count"] == 2


def test_several_mosaics_have_names_titles_and_addresses_of_their_own() -> None:
    context = split_context()
    first, second = context.mosaics
    assert (first.collection_id, second.collection_id) == ("d_r_v_01234567", "d_r_v_01234567_m2")
    assert (first.title, second.title) == (
        "d / r / v / rgb, 1 x uint8, EPSG:4326, 0.1 x 0.1",
        "d / r / v / dem, 1 x uint8, EPSG:4326, 0.1 x 0.1",
    )
    mine, theirs = (context.urls_of(each, URLS).endpoints for each in (first, second))
    assert mine == context.urls(URLS).endpoints
    assert set(mine) == set(theirs)
    shared = {name for name in mine if mine[name] == theirs[name]}
    assert shared == {"stac_collection", "stac_items", "part"}
    assert theirs["tile_cache"].endswith("/download?f=pmtiles&collection=d_r_v_01234567_m2")


def test_a_collection_that_is_not_split_says_nothing_of_mosaics() -> None:
    context = context_of(DataType.RASTER_COLLECTION)
    done = context_of(DataType.RASTER_COLLECTION, results=run(context))
    (only,) = done.mosaics
    assert (only.collection_id, only.title) == (done.collection_id, "d / r / v")
    assert "mosaics" not in characteristics(done, URLS)


def test_a_revision_writes_its_own_blobs() -> None:
    prefix = parameters_of("process_raster", context_of(DataType.RASTER), URLS)["target_prefix"]
    assert prefix == "azure://silver/rasters/d_r_v_01234567/r2"


@pytest.mark.parametrize("data_type", list(DataType))
def test_every_endpoint_is_absolute_and_below_the_base(data_type: DataType) -> None:
    context = context_of(data_type)
    urls = context_of(data_type, results=run(context)).urls(URLS)
    assert all(url.startswith("https://hub.example/") for url in urls.endpoints.values())
    assert urls.api_endpoint in urls.endpoints.values()


def test_what_was_made_besides_has_addresses() -> None:
    context = context_of(DataType.RASTER, **EXTRAS)
    endpoints = context_of(DataType.RASTER, results=run(context), **EXTRAS).urls(URLS).endpoints
    assert endpoints["hillshade"] == f"{endpoints['download']}?f=hillshade"
    assert endpoints["tile_cache"] == f"{endpoints['download']}?f=pmtiles"


def test_the_transition_table_knows_every_state_and_its_inverse() -> None:
    assert set(DATASET_TRANSITIONS) == set(DatasetStatus)
    for state, targets in DATASET_TRANSITIONS.items():
        assert all(state in allowed_from(target) for target in targets)


@pytest.mark.parametrize(
    ("table", "states"), [("app.datasets", DatasetStatus), ("platform.requests", RequestStatus)]
)
def test_the_database_knows_the_same_states(table: str, states: type[StrEnum]) -> None:
    schema = (SQL_ROOT / "schema" / "020_platform.sql").read_text(encoding="utf-8")
    definition = schema.split(f"CREATE TABLE {table} (")[1]
    listed = re.search(r"status IN \(([^)]*)\)", definition)
    assert listed
    assert re.findall(r"'(\w+)'", listed[1]) == [state.value for state in states]


def test_every_status_of_a_request_has_an_ogc_word() -> None:
    words = {status.ogc for status in RequestStatus}
    assert words == {"accepted", "running", "successful", "failed"}
