"""The job types of vector data: what they plan, and that handlers exist for it."""

from core.models.stage import StoredResult
from core.registry import validate_registries
from core.stage_results import StageResults
from core.task_models.vector import IngestVectorParameters, UploadVectorParameters, VectorPlan
from jobs.ingest_vector import IngestVector
from jobs.stac_catalog_vectors import StacCatalogVectors
from services.registry import ALL_HANDLERS
from services.stac import items_vector
from services.vector import tasks

PARAMETERS = IngestVectorParameters(source_uri="azure://bronze/x.gpkg")
PLAN = VectorPlan.model_validate(
    {
        "source": {
            "uri": "azure://bronze/x.gpkg",
            "size_bytes": 1,
            "etag": "e",
            "driver": "GPKG",
            "layer": "x",
        },
        "format": "geopackage",
        "source_crs": "EPSG:4326",
        "target_crs": "EPSG:4326",
        "geometry_type": "Point",
        "feature_count": 1,
        "null_geometry_count": 0,
        "columns": [],
    }
)
NOTHING = StageResults.of(0, [])


def test_the_first_stage_gets_the_parameters_of_the_job() -> None:
    (task,) = IngestVector.create_tasks_for_stage(1, PARAMETERS, NOTHING)

    assert task.parameters == PARAMETERS


def test_the_second_stage_gets_the_plan_of_the_first() -> None:
    stored = StoredResult(task_id="t", task_index=0, result=PLAN.model_dump(mode="json"))
    (task,) = IngestVector.create_tasks_for_stage(2, PARAMETERS, StageResults.of(1, [stored]))

    assert task.parameters == UploadVectorParameters(plan=PLAN)


def test_every_stage_has_its_handler_with_matching_models() -> None:
    assert (tasks.__name__, items_vector.__name__) != ("", "")  # imported: their handlers are registered
    jobs = {job.job_type: job for job in (IngestVector, StacCatalogVectors)}
    validate_registries(jobs, ALL_HANDLERS)

    assert ALL_HANDLERS["process_vector_prepare"].parameters_model is IngestVector.parameters_model
    assert ALL_HANDLERS["process_vector_prepare"].result_model is VectorPlan
    assert ALL_HANDLERS["create_vector_stac"].parameters_model is StacCatalogVectors.parameters_model
