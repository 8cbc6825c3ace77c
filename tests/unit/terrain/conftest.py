"""A bench for terrain products: an elevation model in, a product out, and GDAL's own programs beside it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from core.task_models.raster_terrain import TerrainOptions, TerrainProduct, TerrainProductParameters
from services.raster.terrain import create_terrain_product
from tests import rasters
from tests.blobs import DirectoryBlobStore, Surroundings, surroundings

GdalTool = Callable[..., None]


def hills(height: int = 120, width: int = 140) -> np.ndarray:
    """Elevations from about 150 to 1200, smooth."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.asarray(500 + 200 * np.sin(columns / 15) + 150 * np.cos(rows / 11) + 2 * columns, "float32")


@dataclass
class Bench:
    """The handler with a directory as storage."""

    root: Path
    storage: DirectoryBlobStore
    runs: list[Surroundings] = field(default_factory=list)

    def dem(
        self,
        data: np.ndarray,
        *,
        crs: str = "EPSG:32633",
        transform: Affine = rasters.UTM33_ORIGIN,
        **options: Any,
    ) -> Path:
        """A GeoTIFF of one band."""
        height, width = data.shape
        path = self.root / f"dem{len(list(self.root.glob('dem*')))}.tif"
        return rasters.write_geotiff(
            path, width=width, height=height, dtype=str(data.dtype), data=data[None], crs=crs,
            transform=transform, **options,
        )  # fmt: skip

    def derive(
        self,
        product: str,
        dem: Path,
        *,
        classification: str | None = "dem",
        cancel_at: float | None = None,
        **how: Any,
    ) -> tuple[TerrainProduct, Path]:
        """Run the task; its result and the file."""
        uri = self.storage.put(f"azure://silver/{dem.name}", dem.read_bytes()).uri
        around = surroundings(self.root / f"work{len(self.runs)}", self.storage, cancel_at=cancel_at)
        self.runs.append(around)
        parameters = TerrainProductParameters(
            product=product,
            blob_uri=uri,
            target_prefix=f"azure://silver/products/{len(self.runs)}",
            classification=classification,
            options=TerrainOptions(**how),
        )
        made = create_terrain_product(parameters, around.context)
        return made, Path(self.storage.gdal_path(made.blob_uri))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, DirectoryBlobStore(tmp_path / "blobs"))


@pytest.fixture
def gdal_tool() -> GdalTool:
    """Runs a program of GDAL; not installed: skip on a laptop, fail in CI."""

    def run(program: str, *arguments: object) -> None:
        found = shutil.which(program)
        if found is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed")
        subprocess.run([str(found), *map(str, arguments)], check=True, capture_output=True)

    return run


def band(path: Path) -> np.ma.MaskedArray:
    """The pixels as floats."""
    with rasterio.open(path) as dataset:
        return np.ma.asarray(dataset.read(1, masked=True).astype("float64"))
