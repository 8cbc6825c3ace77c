"""Small COGs in blob storage."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from azure.storage.blob import BlobServiceClient
from rasterio.io import MemoryFile
from rasterio.shutil import copy as copy_raster
from rasterio.transform import from_bounds

from tests.stack_fixtures.storage import Storage

BOUNDS = (10.0, 45.0, 14.0, 49.0)
SIZE = 600


def elevation() -> np.ndarray[Any, Any]:
    """Metres from -20 in the west to 3000 in the east, a hole (nodata -9999) in the north-west."""
    heights = np.tile(np.linspace(-20, 3000, SIZE, dtype="float32"), (SIZE, 1))
    heights[:50, :50] = -9999
    return heights[np.newaxis]


def picture() -> np.ndarray[Any, Any]:
    """Red, green and blue bytes."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    return np.stack([rows % 256, columns % 256, (rows + columns) % 256]).astype("uint8")


def write_cog(path: Path, pixels: np.ndarray[Any, Any], *, nodata: float | None = None) -> None:
    """A COG in EPSG:4326 over BOUNDS."""
    count, height, width = pixels.shape
    profile = {
        "driver": "GTiff", "count": count, "height": height, "width": width, "dtype": pixels.dtype.name,
        "crs": "EPSG:4326", "transform": from_bounds(*BOUNDS, width, height), "nodata": nodata,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(pixels)
        with memory.open() as dataset:
            copy_raster(dataset, path, driver="COG", BLOCKSIZE=256, COMPRESS="DEFLATE")


def characteristics(path: Path) -> dict[str, Any]:
    """What the Platform keeps of a processed raster."""
    with rasterio.open(path) as dataset:
        bands = [dataset.read(band, masked=True) for band in dataset.indexes]
        return {
            "bbox": list(dataset.bounds),
            "dtypes": list(dataset.dtypes),
            "band_count": dataset.count,
            "statistics": [{"min": float(band.min()), "max": float(band.max())} for band in bands],
        }


def upload(storage: Storage, path: Path, name: str) -> str:
    """The file as a blob of the silver container; its URI."""
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        service.get_blob_client(storage.silver, name).upload_blob(path.read_bytes())
    return f"azure://{storage.silver}/{name}"
