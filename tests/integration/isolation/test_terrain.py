"""Terrain products in children, where another GDAL is loaded beside that of rasterio."""

from pathlib import Path

import numpy as np
import pytest

import services.registry
from core.task_models.raster_terrain import TerrainProduct, TerrainProductParameters
from services.isolation.runner import TaskRunner
from tests.blobs import DirectoryBlobStore, surroundings
from tests.integration.isolation import raster_surroundings
from tests.rasters import write_geotiff

HANDLERS = services.registry.discover()


@pytest.mark.parametrize("product", ["slope", "contours"])
def test_products_are_made_in_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, product: str) -> None:
    monkeypatch.setenv(raster_surroundings.VARIABLE, str(tmp_path / "blobs"))
    storage = DirectoryBlobStore(tmp_path / "blobs")
    rows, columns = np.mgrid[0:300, 0:300]
    elevations = (100 * np.sin(columns / 20) * np.cos(rows / 30)).astype("float32")[None]
    dem = write_geotiff(tmp_path / "a.tif", width=300, height=300, dtype="float32", data=elevations)
    parameters = TerrainProductParameters(
        product=product,
        blob_uri=storage.put("azure://silver/a.tif", dem.read_bytes()).uri,
        target_prefix="azure://silver/r",
        classification="dem",
    )
    runner = TaskRunner(surroundings=raster_surroundings.open_surroundings, handlers=HANDLERS)
    try:
        context = surroundings(tmp_path / "work", storage).context
        made = runner(HANDLERS["create_terrain_product"], parameters, context)
    finally:
        runner.close()
    assert isinstance(made, TerrainProduct)
    assert storage.info(made.blob_uri).size_bytes == made.size_bytes
