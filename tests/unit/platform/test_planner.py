"""Chains: every step's parameters fit its job type; the templates stay as they are."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

import jobs.registry
from core.errors import ContractViolation
from geo_platform.endpoints import Urls
from geo_platform.models import REQUEST_MODELS
from geo_platform.planner import CHAINS, PlanContext, chain_of
from geo_platform.states import DATASET_TRANSITIONS, DatasetStatus, DataType, RequestStatus, allowed_from
from infrastructure.queries import SQL_ROOT
from tests.integration.platform.results import result_of

URLS = Urls("https://hub.example")


def context_of(data_type: DataType, results: Mapping[str, Mapping[str, Any]] | None = None) -> PlanContext:
    extension = {"vector": "gpkg", "raster": "tif"}[data_type]
    model = REQUEST_MODELS[data_type]
    body = {
        "dataset_id": "d",
        "resource_id": "r",
        "version_id": "v",
        "request_type": data_type.value,
        "source_path": f"bronze/x.{extension}",
    }
    return PlanContext(
        data_type=data_type,
        request_id="0" * 32,
        revision=2,
        namespace="ddh",
        identifiers={"dataset_id": "d", "resource_id": "r", "version_id": "v"},
        collection_id="d_r_v_01234567",
        source_uri=f"azure://bronze/x.{extension}",
        source_etag='"e"',
        processing=model.model_validate(body).processing_config.model_dump(mode="json"),
        published_container="silver",
        results=results or {},
    )


@pytest.mark.parametrize("data_type", list(DataType))
def test_the_parameters_of_every_step_fit_its_job_type(data_type: DataType) -> None:
    registry, results = jobs.registry.discover(), dict[str, dict[str, Any]]()
    for step in CHAINS[data_type]:
        context = context_of(data_type, results)
        parameters = registry[step.job_type].validate_job_parameters(step.parameters(context, URLS))
        results[step.job_type] = result_of(
            step.job_type, parameters.model_dump(mode="json"), job_id="0123456789abcdef"
        )
    assert tuple(results) == chain_of(data_type)


def test_a_step_whose_predecessor_left_nothing_is_a_bug_of_ours() -> None:
    last = CHAINS[DataType.VECTOR][-1]
    with pytest.raises(ContractViolation):
        last.parameters(context_of(DataType.VECTOR), URLS)


def test_a_revision_writes_its_own_blobs() -> None:
    step = CHAINS[DataType.RASTER][1]
    prefix = step.parameters(context_of(DataType.RASTER), URLS)["target_prefix"]
    assert prefix == "azure://silver/rasters/d_r_v_01234567/r2"


@pytest.mark.parametrize("data_type", list(DataType))
def test_every_endpoint_is_absolute_and_below_the_base(data_type: DataType) -> None:
    urls = context_of(data_type).urls(URLS)
    assert all(url.startswith("https://hub.example/") for url in urls.endpoints.values())
    assert urls.api_endpoint in urls.endpoints.values()


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
