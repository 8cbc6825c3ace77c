"""The registries as they are shipped: complete, sound, and fit to be described in OpenAPI."""

import json
import re

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel

import jobs.registry
import services.registry
from core.registry import validate_registries
from core.schema.queue import QueueRole

JOBS = jobs.registry.discover()
HANDLERS = services.registry.discover()


def test_registries_are_valid() -> None:
    validate_registries(JOBS, HANDLERS)


def test_every_handler_serves_a_job() -> None:
    used = {HANDLERS[stage.task_type].task_type for job in JOBS.values() for stage in job.stages}
    assert {handler.task_type for handler in HANDLERS.values()} == used


@pytest.mark.parametrize(
    ("alias", "task_type"),
    [
        ("create_tiling_scheme", "tiling_scheme"),
        ("tile_extraction", "extract_tile"),
        ("handler_raster_create_tiles", "extract_tile"),
        ("handler_raster_create_cog", "create_cog"),
        ("handler_raster_create_mosaic", "create_mosaic_json"),
        ("handler_raster_validate", "validate_raster"),
        ("handler_stac_raster_item", "extract_stac_metadata"),
        ("handler_stac_vector_item", "create_vector_stac"),
        ("handler_vector_prepare", "process_vector_prepare"),
        ("handler_vector_upload", "process_vector_upload"),
    ],
)
def test_another_name_of_a_task_type_means_the_same_handler(alias: str, task_type: str) -> None:
    assert HANDLERS[alias] is HANDLERS[task_type]
    assert HANDLERS[alias].task_type == task_type


@pytest.mark.parametrize("name", JOBS)
def test_a_job_type_can_be_described(name: str) -> None:
    """What OpenAPI needs: a name fit for a URL, a description, and parameters as a JSON Schema."""
    job = JOBS[name]
    assert name == job.job_type
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert job.description
    _assert_describable(job.parameters_model)


@pytest.mark.parametrize("name", HANDLERS)
def test_a_task_type_can_be_described(name: str) -> None:
    handler = HANDLERS[name]
    assert handler.queue in set(QueueRole) - {QueueRole.JOBS}
    _assert_describable(handler.parameters_model)
    _assert_describable(handler.result_model)


def _assert_describable(model: type[BaseModel]) -> None:
    """A model that crosses a process: a sound schema, no unknown fields, and nothing changes it."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema
    assert model.model_config.get("extra") == "forbid"
    assert model.model_config.get("frozen")
