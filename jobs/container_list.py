"""The job type `container_list`: what lies in a container, by extension and format."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from core.models.stage import Parallelism, Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.container import (
    ContainerListParameters,
    InspectBlobsParameters,
    InspectedBlobs,
    ListedBlobs,
)
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job

_BLOBS_PER_TASK = 100


@register_job
class ContainerList(JobBaseMixin, JobBase):
    """List the names, then look at the blobs, a hundred to a task."""

    job_type = "container_list"
    description = "Lists the blobs of a container and sums them up by extension and format."
    stages = (
        Stage(number=1, name="list", task_type="list_container"),
        Stage(number=2, name="inspect", task_type="inspect_blobs", parallelism=Parallelism.FAN_OUT),
    )
    parameters_model = ContainerListParameters

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: ContainerListParameters, previous: StageResults
    ) -> Iterator[TaskDefinition]:
        """See `JobBase`."""
        if stage == 1:
            yield TaskDefinition(parameters, key=parameters.prefix)
            return
        names = previous.one(ListedBlobs).names
        for start in range(0, len(names), _BLOBS_PER_TASK):
            some = names[start : start + _BLOBS_PER_TASK]
            yield TaskDefinition(
                InspectBlobsParameters(container=parameters.container, names=some), key=some[0]
            )

    @classmethod
    def finalize_job(cls, parameters: ContainerListParameters, results: StageResults) -> dict[str, Any]:
        """Numbers and bytes; a listing of `limit` blobs may have been cut there."""
        numbers, sizes, formats = Counter[str](), Counter[str](), Counter[str]()
        unreadable = 0
        for inspected in results.each(InspectedBlobs):
            unreadable += len(inspected.unreadable)
            for blob in inspected.blobs:
                numbers[blob.extension] += 1
                sizes[blob.extension] += blob.size_bytes
                formats[blob.format] += 1
        return {
            "container": parameters.container,
            "prefix": parameters.prefix,
            "blob_count": numbers.total(),
            "total_bytes": sizes.total(),
            "unreadable_count": unreadable,
            "limit_reached": numbers.total() + unreadable >= parameters.limit,
            "by_extension": {
                extension: {"blob_count": numbers[extension], "total_bytes": sizes[extension]}
                for extension in sorted(numbers)
            },
            "by_format": dict(sorted(formats.items())),
        }
