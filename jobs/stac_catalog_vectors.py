"""The job type `stac_catalog_vectors`: loaded tables as STAC documents."""

from collections.abc import Iterator

from core.models.stage import Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.vector_catalogue import StacVectorParameters
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class StacCatalogVectors(JobBaseMixin, JobBase):
    """The collection and the item; the Platform writes them when it publishes."""

    job_type = "stac_catalog_vectors"
    description = "Describe the published tables of a vector dataset as a STAC item."
    stages = (Stage(number=1, name="describe", task_type="create_vector_stac"),)
    parameters_model = StacVectorParameters

    @classmethod
    def create_tasks_for_stage(
        cls,
        stage: int,  # noqa: ARG003 - there is one
        parameters: StacVectorParameters,
        previous: StageResults,  # noqa: ARG003
    ) -> Iterator[TaskDefinition]:
        """One task, with the parameters of the job."""
        yield TaskDefinition(parameters, key=parameters.item_id)
