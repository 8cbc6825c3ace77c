"""The job types of vector data: what they plan, and that handlers exist for it."""

from core.models.stage import Parallelism, StoredResult
from core.registry import validate_registries
from core.stage_results import StageResults
from core.task_models.vector import (
    ChunkResult,
    FinishVectorParameters,
    IngestVectorParameters,
    LoadChunkParameters,
    PlannedTable,
    PreparedVector,
)
from core.task_models.vector_tables import IngestVectorResult
from jobs.ingest_vector import IngestVector
from jobs.stac_catalog_vectors import StacCatalogVectors
from services.registry import ALL_HANDLERS
from services.stac import items_vector
from services.vector import finish, load, prepare

PARAMETERS = IngestVectorParameters(source_uri="azure://bronze/x.gpkg", target_prefix="azure://silver/x")
PREPARED = PreparedVector(
    plan_uri="azure://silver/x/plan.json",
    tables=(
        PlannedTable(table="a", layer="Roads", chunk_count=2, feature_count=9),
        PlannedTable(table="b", layer="Lakes", chunk_count=1, feature_count=1),
    ),
)
CHUNK = ChunkResult(
    plan_uri=PREPARED.plan_uri, table_index=0, chunk_index=0, loaded=1, rejected=0, null_geometry_count=0,
    loaded_digest="0" * 16, rejected_digest="0" * 16, stored_digest="0" * 16, bbox=None,
)  # fmt: skip
NOTHING = StageResults.of(0, [])


def test_the_first_stage_gets_the_parameters_of_the_job() -> None:
    (task,) = IngestVector.create_tasks_for_stage(1, PARAMETERS, NOTHING)

    assert task.parameters == PARAMETERS


def test_every_chunk_of_every_table_is_a_task() -> None:
    stored = StoredResult(task_id="t", task_index=0, result=PREPARED.model_dump(mode="json"))
    found = list(IngestVector.create_tasks_for_stage(2, PARAMETERS, StageResults.of(1, [stored])))

    places = [(0, 0), (0, 1), (1, 0)]
    assert [task.parameters for task in found] == [
        LoadChunkParameters(plan_uri=PREPARED.plan_uri, table_index=table, chunk_index=chunk)
        for table, chunk in places
    ]
    assert [task.key for task in found] == ["Roads/0", "Roads/1", "Lakes/0"]


def test_the_last_stage_gets_the_plan() -> None:
    stored = [
        StoredResult(task_id="t", task_index=index, result=CHUNK.model_dump(mode="json")) for index in (0, 1)
    ]
    (task,) = IngestVector.create_tasks_for_stage(3, PARAMETERS, StageResults.of(2, stored))

    assert task.parameters == FinishVectorParameters(plan_uri=PREPARED.plan_uri)


def test_only_the_chunks_are_loaded_side_by_side() -> None:
    found = [stage.parallelism for stage in IngestVector.stages]

    assert found == [Parallelism.SINGLE, Parallelism.FAN_OUT, Parallelism.SINGLE]


def test_every_stage_has_its_handler_with_matching_models() -> None:
    handlers = (prepare, load, finish, items_vector)  # imported: they are registered
    assert all(module.__name__ for module in handlers)
    jobs = {job.job_type: job for job in (IngestVector, StacCatalogVectors)}
    validate_registries(jobs, ALL_HANDLERS)

    assert ALL_HANDLERS["process_vector_prepare"].parameters_model is IngestVector.parameters_model
    assert ALL_HANDLERS["process_vector_prepare"].result_model is PreparedVector
    assert ALL_HANDLERS["process_vector_upload"].result_model is ChunkResult
    assert ALL_HANDLERS["process_vector_finish"].result_model is IngestVectorResult
    assert ALL_HANDLERS["create_vector_stac"].parameters_model is StacCatalogVectors.parameters_model
