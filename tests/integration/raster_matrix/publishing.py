"""One raster through `validate_raster` and `process_raster`, as a request takes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.task_models.raster_cog import ProcessRasterResult
from core.task_models.raster_validation import ReadingOptions, ValidateRasterResult
from tests.jobs_in_process import JobRun
from tests.raster_zones import Zones


@dataclass(frozen=True)
class Published:
    """What the two jobs say, and the COG as it was downloaded again."""

    validated: ValidateRasterResult
    result: ProcessRasterResult
    cog: Path


def publish(
    upload: Path,
    *,
    zones: Zones,
    name: str,
    directory: Path,
    reading: ReadingOptions,
    options: Mapping[str, Any] | None = None,
) -> Published:
    """Upload, validate, convert, download."""
    uri = zones.upload(upload, f"{name}{upload.suffix}")
    job = JobRun(directory / "work", zones.blobs)
    source = {"source_uri": uri, "reading": reading.model_dump(mode="json")}
    validated = ValidateRasterResult.model_validate(job.run("validate_raster", source))
    processing = {"source_etag": validated.source.etag, "target_prefix": zones.target(name)}
    made = job.run("process_raster", source | processing | {"options": dict(options or {})})
    result = ProcessRasterResult.model_validate(made)
    return Published(validated, result, zones.download(result.blob_uri, directory / "published.tif"))
