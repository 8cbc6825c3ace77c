"""Hillshade, slope and contours of a published elevation model, each in a task of its own."""

from collections.abc import Iterable
from typing import Any

from core.models.stage import Parallelism, Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster_terrain import (
    TerrainProduct,
    TerrainProductParameters,
    TerrainProductsParameters,
    TerrainProductsResult,
)
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class TerrainProducts(JobBaseMixin, JobBase):
    """The result is a `TerrainProductsResult`, in the order in which the products were asked for."""

    job_type = "terrain_products"
    description = "Derives hillshade, slope and contours from an elevation model."
    stages = (
        Stage(
            number=1,
            name="derive",
            task_type="create_terrain_product",
            parallelism=Parallelism.FAN_OUT,
            noun="product",
            activity="Deriving terrain products",
        ),
    )
    parameters_model = TerrainProductsParameters

    @classmethod
    def create_tasks_for_stage(
        cls,
        stage: int,  # noqa: ARG003 - there is one
        parameters: TerrainProductsParameters,
        previous: StageResults,  # noqa: ARG003
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`."""
        return tuple(
            TaskDefinition(
                TerrainProductParameters(
                    product=product,
                    blob_uri=parameters.blob_uri,
                    target_prefix=parameters.target_prefix,
                    classification=parameters.classification,
                    options=parameters.options,
                ),
                key=product.value,
            )
            for product in parameters.products
        )

    @classmethod
    def finalize_job(cls, parameters: Any, results: StageResults) -> dict[str, Any]:  # noqa: ARG003
        """See `JobBase`."""
        products = tuple(results.each(TerrainProduct))
        return TerrainProductsResult(products=products).model_dump(mode="json")
