"""The job type `ingest_vector`: a vector file from blob storage becomes a table in `staging`."""

from collections.abc import Iterator

from core.models.stage import Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.vector import IngestVectorParameters, UploadVectorParameters, VectorPlan
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class IngestVector(JobBaseMixin, JobBase):
    """Prepare (read everything, change nothing), then load."""

    job_type = "ingest_vector"
    description = "Load a GeoPackage, GeoJSON or zipped Shapefile into PostGIS."
    stages = (
        Stage(number=1, name="prepare", task_type="process_vector_prepare"),
        Stage(number=2, name="upload", task_type="process_vector_upload"),
    )
    parameters_model = IngestVectorParameters

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: IngestVectorParameters, previous: StageResults
    ) -> Iterator[TaskDefinition]:
        """One task each: the plan of the first is the parameter of the second."""
        if stage == 1:
            yield TaskDefinition(parameters, key="prepare")
        else:
            yield TaskDefinition(UploadVectorParameters(plan=previous.one(VectorPlan)), key="upload")
