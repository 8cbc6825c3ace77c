"""One stack for all acceptance tests; each test submits datasets of its own."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from tests.acceptance.hub import Hub
from tools.stack.stack import Stack


@pytest.fixture(scope="session")
def hub(stack: Stack) -> Hub:
    """The data hub."""
    return Hub(stack)


@pytest.fixture(scope="session")
def hills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An elevation model in UTM with a hole, 700 x 600 pixels of ten metres."""
    path = tmp_path_factory.mktemp("hills") / "hills.tif"
    rows, columns = np.mgrid[0:600, 0:700]
    noise = np.random.default_rng(1).normal(0, 1, rows.shape)
    heights = (900 + 400 * np.sin(columns / 40) + 300 * np.cos(rows / 60) + noise).astype("float32")
    heights[100:200, 300:400] = -9999
    with rasterio.open(
        path, "w", driver="GTiff", width=700, height=600, count=1, dtype="float32", nodata=-9999,
        crs="EPSG:32632", transform=from_origin(500_000, 5_205_000, 10, 10), tiled=True,
    ) as dataset:  # fmt: skip
        dataset.set_band_description(1, "elevation")
        dataset.write(heights, 1)
    return path
