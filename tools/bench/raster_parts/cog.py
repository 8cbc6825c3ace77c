"""`process_raster` against GDAL's own command: from a blob to a COG in storage, and on the local disk.

Both begin with the image as it was uploaded and end with the same kind of COG. What the job does besides
(download, classification, statistics, checksums, reading back, upload, two stages of the engine) is in its
time. The chain through the Platform adds validation, the catalogue and publishing.
"""

import argparse
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.bench.measuring.bars import Bar
from tools.bench.measuring.engine_client import NotMeasured
from tools.bench.measuring.processor_time import processor_bars, processor_time
from tools.bench.measuring.workplace import JobTimes, Workplace
from tools.bench.raster_parts.images import picture

_PATIENCE_SECONDS = 600
_MOST = 1.25


def measure(place: Workplace, options: argparse.Namespace) -> tuple[list[Bar], dict[str, Any]]:
    """Side by side, in turns, so that whatever else the machine does is shared."""
    source = picture(place.directory / f"picture_{options.side}.tif", width=options.side, height=options.side)
    alone, jobs, chains, processors, stages = [], [], [], [], dict[str, list[float]]()
    with _uploaded(place, source) as uri:
        _job(place, uri)  # what is imported once, and the file in the page cache
    for number in range(options.repeats):
        alone.append(_gdal_translate(source, place.directory / "alone.tif"))
        with _uploaded(place, source) as uri, processor_time(place.stack) as taken:
            job = _job(place, uri)
        place.delete(str(place.result_of(job.job_id)["blob_uri"]))
        jobs.append(job.seconds)
        processors.append(taken)
        for name, seconds in job.stages.items():
            stages.setdefault(name, []).append(seconds)
        chains.append(_chain(place, source, number))
    command, job_seconds, chain = map(statistics.median, (alone, jobs, chains))
    bars = [
        Bar("gdal_translate -of COG, local file", command, "s"),
        *(Bar(f"  task {name}", statistics.median(seconds), "s") for name, seconds in stages.items()),
        Bar("job process_raster, blob to COG in silver", job_seconds, "s"),
        Bar("process_raster / gdal_translate", job_seconds / command, most=_MOST),
        *processor_bars(processors, name="process_raster", baseline_seconds=command),
        Bar("chain from /platform/submit to published", chain, "s"),
        Bar("chain / gdal_translate", chain / command),
    ]
    return bars, {"gdal_translate": alone, "process_raster": jobs, "chain": chains, "tasks": stages}


def _gdal_translate(source: Path, target: Path) -> float:
    """The seconds. The same compression, predictor, blocks and overviews as the platform's."""
    program = shutil.which("gdal_translate")
    if program is None:
        raise NotMeasured("gdal_translate is not installed (package gdal-bin)")
    target.unlink(missing_ok=True)
    creation = {
        "COMPRESS": "DEFLATE",
        "PREDICTOR": "YES",
        "BLOCKSIZE": "512",
        "OVERVIEW_RESAMPLING": "AVERAGE",
        "NUM_THREADS": "ALL_CPUS",
    }
    arguments = [part for name, value in creation.items() for part in ("-co", f"{name}={value}")]
    begin = time.monotonic()
    subprocess.run([program, "-q", "-of", "COG", *arguments, source, target], check=True)
    seconds = time.monotonic() - begin
    target.unlink()
    return seconds


@contextmanager
def _uploaded(place: Workplace, source: Path) -> Iterator[str]:
    """Its URI; the blob is gone afterwards."""
    uri = place.put(source)
    yield uri
    place.delete(uri)


def _job(place: Workplace, uri: str) -> JobTimes:
    prefix = f"azure://silver/bench/{uri.rsplit('/', 1)[1]}"
    return place.run_job(
        "process_raster", {"source_uri": uri, "target_prefix": prefix}, patience_seconds=_PATIENCE_SECONDS
    )


def _chain(place: Workplace, source: Path, number: int) -> float:
    body = {
        "dataset_id": "bench-cog",
        "resource_id": f"picture-{number}-{int(time.time())}",
        "version_id": "v1",
        "request_type": "raster",
    }
    with _uploaded(place, source) as uri:
        return place.publish(
            {**body, "source_path": uri.removeprefix("azure://")}, patience_seconds=_PATIENCE_SECONDS
        )
