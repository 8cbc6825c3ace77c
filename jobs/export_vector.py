"""The job type `export_vector`: tables of features as files."""

from collections.abc import Iterator
from typing import Any

from core.models.stage import BEST_EFFORT, FAIL_FAST, FailurePolicy, Parallelism, Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.vector_export import (
    ExportedFile,
    ExportFileParameters,
    ExportVectorParameters,
    ExportVectorResult,
)
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class ExportVector(JobBaseMixin, JobBase):
    """One file for each format. Unless they are required, a format that cannot be written is left out."""

    job_type = "export_vector"
    description = "Write tables of features as files of the formats asked for."
    stages = (
        Stage(
            number=1,
            name="export",
            task_type="export_vector_file",
            parallelism=Parallelism.FAN_OUT,
            failures=BEST_EFFORT,
            noun="file",
            activity="Writing files",
        ),
    )
    parameters_model = ExportVectorParameters

    @classmethod
    def create_tasks_for_stage(
        cls,
        stage: int,  # noqa: ARG003 - there is one
        parameters: ExportVectorParameters,
        previous: StageResults,  # noqa: ARG003
    ) -> Iterator[TaskDefinition]:
        """See `JobBase`. A format that is asked for twice is written once."""
        for each in dict.fromkeys(parameters.formats):
            yield TaskDefinition(
                ExportFileParameters(
                    tables=parameters.tables,
                    format=each,
                    target_prefix=parameters.target_prefix,
                    name=parameters.name or parameters.tables[0].collection_id,
                ),
                key=each.value,
            )

    @classmethod
    def failure_policy(cls, stage: int, parameters: ExportVectorParameters) -> FailurePolicy:  # noqa: ARG003
        """See `JobBase`."""
        return FAIL_FAST if parameters.is_required else BEST_EFFORT

    @classmethod
    def finalize_job(cls, parameters: ExportVectorParameters, results: StageResults) -> dict[str, Any]:  # noqa: ARG003
        """See `JobBase`. The result is an `ExportVectorResult`."""
        result = ExportVectorResult(
            exports=tuple(results.each(ExportedFile)),
            warnings=tuple(
                f"The data could not be written as {hole.task_key} ({hole.code})." for hole in results.holes()
            ),
        )
        return result.model_dump(mode="json")
