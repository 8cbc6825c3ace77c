"""A canvas becomes a COG in blob storage, checked before it comes into being."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from core.crashpoints import crashpoint
from core.ports import BlobInfo
from core.task_models.raster import RasterDescription
from core.task_models.raster_cog import PixelProof
from services.context import TaskContext
from services.raster.canvas import Canvas
from services.raster.cog import CONTENT_TYPE, make_cog
from services.raster.growing_upload import FileDigests, GrowingUpload
from services.raster.inspect import describe
from services.raster.profiles import ResolvedOptions
from services.raster.verify import check_cog, prove


@dataclass(frozen=True, slots=True)
class CogBlob:
    """A COG in storage. `overviews` are decimation factors, ascending."""

    description: RasterDescription
    overviews: tuple[int, ...]
    proof: PixelProof
    digests: FileDigests
    blob: BlobInfo


def write_cog(
    canvas: Canvas,
    *,
    options: ResolvedOptions,
    checksums: tuple[str, ...],
    uri: str,
    context: TaskContext,
    is_warped: bool = False,
    on_growth: Callable[[int], None] = lambda _: None,
    progress_when_made: float | None = None,
) -> CogBlob:
    """Write, check and upload as `uri`, a name used once, which is announced before. In `hardened_gdal()`.

    The file is read back to its last block, and has to have the `checksums` of the canvas where the
    compression loses nothing. `is_warped`: these are not the pixels of the source. `on_growth` is told the
    size of the file while GDAL writes it.

    Raises:
        TransientError: OUTPUT_FAILED, STORAGE_TIMEOUT.
        ContractViolation: COG_INVALID.
    """
    path = context.workspace / "cog.tif"
    context.artefacts.stage_blob(uri, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt)
    crashpoint("blob_announced_before_made")
    blob = context.storage.begin_upload(uri, content_type=CONTENT_TYPE)
    with GrowingUpload(path, blob, on_growth=on_growth) as upload:
        with canvas.dataset() as pixels:
            description = describe(pixels, band_names=tuple(pixels.descriptions))
            make_cog(pixels, path, options=options, is_small=canvas.in_memory)
        context.checkpoint(progress_when_made)
        # Side by side with the upload of the last blocks.
        with ThreadPoolExecutor(1, "finishing") as finishing:
            digests = finishing.submit(upload.finish)
            overviews = check_cog(path, description)
            proof = prove(path, checksums, compared_with=_compared_with(options, is_warped=is_warped))
            context.checkpoint()
            made = CogBlob(description, overviews, proof, digests.result(), upload.commit(digests.result()))
    crashpoint("blob_made_before_recorded")
    path.unlink()
    return made


def _compared_with(options: ResolvedOptions, *, is_warped: bool) -> Literal["source", "warped", "none"]:
    """What the pixels of the COG must equal."""
    if not options.is_lossless:
        return "none"
    return "warped" if is_warped or options.reprojects else "source"
