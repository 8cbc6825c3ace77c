"""The plan of `terrain_products`."""

from typing import Any

import pytest

from core.errors import InvalidRequest
from core.models.stage import StoredResult, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster_terrain import TerrainProduct, TerrainProductsParameters
from jobs.terrain_products import TerrainProducts

PARAMETERS = {
    "blob_uri": "azure://silver/a.tif",
    "target_prefix": "azure://silver/r",
    "classification": "dem",
    "options": {"contour_interval": 10},
}


def planned(**changes: Any) -> list[TaskDefinition]:
    parameters = TerrainProducts.validate_job_parameters(PARAMETERS | changes)
    assert isinstance(parameters, TerrainProductsParameters)
    return list(TerrainProducts.create_tasks_for_stage(1, parameters, StageResults.none()))


def test_each_product_is_a_task() -> None:
    tasks = planned(products=["contours", "slope"])
    assert [task.key for task in tasks] == ["contours", "slope"]
    assert [task.parameters.model_dump()["options"]["contour_interval"] for task in tasks] == [10, 10]


def test_all_of_them_unless_some_are_named() -> None:
    assert [task.key for task in planned()] == ["hillshade", "slope", "contours"]


@pytest.mark.parametrize("products", [[], ["slope", "slope"], ["aspect"]])
def test_products_are_known_and_named_once(products: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        TerrainProducts.validate_job_parameters(PARAMETERS | {"products": products})


def test_the_result_lists_them() -> None:
    made = [
        TerrainProduct(
            name=name, blob_uri=f"azure://silver/{name}", size_bytes=1, sha256="00", media_type="image/tiff"
        )
        for name in ("slope", "hillshade")
    ]
    results = StageResults.of(
        1,
        [
            StoredResult(task_id=f"t{index}", task_index=index, result=product.model_dump(mode="json"))
            for index, product in enumerate(made)
        ],
    )
    parameters = TerrainProducts.validate_job_parameters(PARAMETERS | {"products": ["slope", "hillshade"]})
    found = TerrainProducts.finalize_job(parameters, results)
    assert [product["name"] for product in found["products"]] == ["slope", "hillshade"]
