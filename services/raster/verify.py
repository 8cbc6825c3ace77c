"""Is a COG what it should be? Its file before it is published, its blob afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.windows import Window
from rio_cogeo.cogeo import cog_validate  # 80 ms beside rasterio: cheap enough for the start of an app

from core.errors import ContractViolation
from core.schema.queue import QueueRole
from core.task_models.raster import RasterDescription
from core.task_models.raster_cog import PixelProof, ProcessRasterResult, VerifyCogParameters
from services.context import TaskContext
from services.raster.header import has_dataset_mask
from services.raster.inspect import describe
from services.raster.proof import ALGORITHM, PixelChecksums
from services.registry import register_task

_EXACT = (
    "width",
    "height",
    "band_count",
    "dtypes",
    "nodata",
    "transform",
    "color_interpretation",
    "descriptions",
)
_ROWS = 512
_CHUNK_BYTES = 48 * 2**20


@register_task("verify_cog", queue=QueueRole.RASTER_TASKS)
def verify_cog(parameters: VerifyCogParameters, context: TaskContext) -> ProcessRasterResult:
    """Check that the blob is there, and is still the one that was committed.

    Its bytes are not fetched again. They are known: the file they came from was read back and compared
    with its source before the commit, the store compared every block with an MD5 when it arrived, and the
    name is used once. What could still be wrong, another blob or a blob cut short, shows in the ETag, the
    size and the MD5 of the whole.

    Raises:
        NotFound: SOURCE_NOT_FOUND: the COG is gone.
        ContractViolation: COG_INVALID.
        TransientError: STORAGE_TIMEOUT.
    """
    cog, found = parameters.cog, context.storage.info(parameters.cog.blob_uri)
    if found.size_bytes != cog.size_bytes:
        raise invalid_cog(f"it has {found.size_bytes} bytes in storage, not {cog.size_bytes}")
    if found.etag != cog.etag or found.md5 != bytes.fromhex(cog.md5):
        raise invalid_cog("it is not the one that was uploaded")
    return cog


def check_cog(path: Path, expected: RasterDescription) -> tuple[int, ...]:
    """Check the layout and the header of a COG file; its overviews as decimation factors.

    Raises:
        ContractViolation: COG_INVALID.
    """
    try:
        is_valid, errors, _ = cog_validate(path, quiet=True)
        if not is_valid:
            raise invalid_cog("; ".join(errors))
        with rasterio.open(path, driver="GTiff") as dataset:
            _check_header(dataset, expected)
            return tuple(dataset.overviews(1))
    except RasterioError as exc:
        raise invalid_cog("it cannot be opened") from exc


def _check_header(dataset: Any, expected: RasterDescription) -> None:
    """Size, types, nodata, grid, colours, names and CRS."""
    found = describe(dataset, band_names=tuple(dataset.descriptions))
    different = [name for name in _EXACT if getattr(found, name) != getattr(expected, name)]
    if dataset.crs != CRS.from_user_input(expected.crs):
        different.append("crs")
    if different:
        raise invalid_cog(f"it differs from its source in {', '.join(different)}")


def prove(
    path: Path, expected: tuple[str, ...], *, compared_with: Literal["source", "warped", "none"]
) -> PixelProof:
    """Read a COG back, all of it, and compare its pixels with the checksums `expected`.

    A lossy one (`none`) is compared with nothing, but must be readable to its last block.

    Raises:
        ContractViolation: COG_INVALID.
    """
    found = pixel_checksums(path)
    if compared_with == "none":
        return PixelProof(compared_with="none", algorithm=ALGORITHM, checksums=(), equal=None)
    if found != expected:
        raise invalid_cog("its pixels are not those that were read from the source")
    return PixelProof(compared_with=compared_with, algorithm=ALGORITHM, checksums=found, equal=True)


def pixel_checksums(path: Path) -> tuple[str, ...]:
    """Decode all pixels of a file of ours, and its mask; see `proof`.

    Raises:
        ContractViolation: COG_INVALID: a block cannot be decoded.
    """
    try:
        with rasterio.open(path, driver="GTiff", NUM_THREADS="ALL_CPUS") as dataset:
            has_mask = has_dataset_mask(dataset)
            checksums = PixelChecksums(dataset.count, has_mask=has_mask)
            for window in _row_windows(dataset):
                mask = dataset.read_masks(1, window=window) if has_mask else None
                checksums.add(dataset.read(window=window), mask)
            return checksums.hex()
    except RasterioError as exc:
        raise invalid_cog("it cannot be read") from exc


def _row_windows(dataset: Any) -> Iterator[Window]:
    """Over the full width, of whole blocks where they fit."""
    rows = max(1, _CHUNK_BYTES // (dataset.width * dataset.count * np.dtype(dataset.dtypes[0]).itemsize))
    rows -= rows % _ROWS if rows > _ROWS else 0
    for top in range(0, dataset.height, rows):
        yield Window(0, top, dataset.width, min(rows, dataset.height - top))


def invalid_cog(why: str) -> ContractViolation:
    """We made it, so it is a bug of ours and not of the source."""
    return ContractViolation(
        f"The COG that was made is not usable: {why}.",
        code="COG_INVALID",
        remedy="Report the ids of the job and the task; the source is fine.",
    )
