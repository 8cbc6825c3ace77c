"""The job type `ingest_vector`: a vector file from blob storage becomes tables in `staging`."""

from collections.abc import Iterator

from core.models.stage import Parallelism, Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.vector import (
    ChunkResult,
    FinishVectorParameters,
    IngestVectorParameters,
    LoadChunkParameters,
    PreparedVector,
)
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job

_PREPARE, _UPLOAD, _FINISH = 1, 2, 3
_LONGEST_LAYER = 60  # in the key of a task


@register_job
class IngestVector(JobBaseMixin, JobBase):
    """Read once into chunks, load the chunks side by side, then prove and index what was loaded.

    The result is an `IngestVectorResult`.
    """

    job_type = "ingest_vector"
    description = "Loads a vector file into PostGIS, cleaned by the policies of the submission."
    stages = (
        Stage(_PREPARE, "prepare", "process_vector_prepare", activity="Reading the source"),
        Stage(
            _UPLOAD,
            "upload",
            "process_vector_upload",
            Parallelism.FAN_OUT,
            noun="chunk",
            activity="Loading features",
        ),
        Stage(_FINISH, "finish", "process_vector_finish", activity="Checking and indexing"),
    )
    parameters_model = IngestVectorParameters

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: IngestVectorParameters, previous: StageResults
    ) -> Iterator[TaskDefinition]:
        """One task for each chunk of each table; one before them and one after."""
        if stage == _PREPARE:
            yield TaskDefinition(parameters, key="prepare")
        elif stage == _UPLOAD:
            yield from _uploads(previous.one(PreparedVector))
        else:
            yield TaskDefinition(FinishVectorParameters(plan_uri=_plan_uri(previous)), key="finish")


def _uploads(prepared: PreparedVector) -> Iterator[TaskDefinition]:
    for table_index, table in enumerate(prepared.tables):
        for chunk_index in range(table.chunk_count):
            yield TaskDefinition(
                LoadChunkParameters(
                    plan_uri=prepared.plan_uri, table_index=table_index, chunk_index=chunk_index
                ),
                key=f"{table.layer[:_LONGEST_LAYER]}/{chunk_index}",
            )


def _plan_uri(previous: StageResults) -> str:
    return next(previous.each(ChunkResult)).plan_uri
