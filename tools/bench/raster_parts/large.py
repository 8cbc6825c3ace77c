"""`process_large_raster` against GDAL's own commands: as it is, and reprojected.

Both begin with the same file, the job's in blob storage, the commands' on the local disk, and end with COGs
of the same compression. The commands may use both processors (`NUM_THREADS`, `-multi`). What the job does
besides (reading over HTTP, statistics, checksums, reading back, upload, the mosaic and its overview, four
stages of the engine) is in its time.
"""

import argparse
import math
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobServiceClient

from tools.bench.measuring.bars import Bar
from tools.bench.measuring.engine_client import NotMeasured
from tools.bench.measuring.memory import MemoryWatch
from tools.bench.measuring.processor_time import processor_bars, processor_time
from tools.bench.measuring.workplace import JobTimes, Workplace
from tools.bench.raster_parts.images import picture

_MOST = 1.0
_MOST_MEMORY_GIB = 2.0
_TARGET_CRS = "EPSG:3857"
_CREATION = {
    "COMPRESS": "DEFLATE",
    "PREDICTOR": "YES",
    "BLOCKSIZE": "512",
    "OVERVIEW_RESAMPLING": "AVERAGE",
    "NUM_THREADS": "ALL_CPUS",
    "BIGTIFF": "IF_SAFER",
}
_BANDS = 3


def measure(place: Workplace, options: argparse.Namespace) -> tuple[list[Bar], dict[str, Any]]:
    """In turns; a raster of many gigabytes is measured once, a small one as often as asked for."""
    side = math.isqrt(int(options.gigabytes * 1e9) // _BANDS)
    source = picture(place.directory / f"large_{side}.tif", width=side, height=side)
    repeats = 1 if options.gigabytes >= 2 else options.repeats
    uri = place.put(source)
    _warm_up(place)
    bars, details = [], dict[str, Any]()
    for name, command, job in (
        ("as it is", _gdal_translate, {}),
        (f"to {_TARGET_CRS}", _gdalwarp, {"target_crs": _TARGET_CRS}),
    ):
        measured, details[name] = _side_by_side(
            place, source, uri, name=name, command=command, job=job, repeats=repeats
        )
        bars += measured
    place.delete(uri)
    return bars, {"side": side, "source_bytes": source.stat().st_size, **details}


def _side_by_side(
    place: Workplace,
    source: Path,
    uri: str,
    *,
    name: str,
    command: Callable[[Path, Path], list[str]],
    job: dict[str, Any],
    repeats: int,
) -> tuple[list[Bar], dict[str, Any]]:
    alone, jobs, processors, stages = [], [], [], dict[str, list[float]]()
    memory = MemoryWatch(place.worker_processes)
    for _ in range(repeats):
        alone.append(_timed(command(source, place.directory / "alone.tif")))
        with memory, processor_time(place.stack) as taken:
            times, prefix = _job(place, uri, job)
        _delete_all(place, prefix)
        jobs.append(times.seconds)
        processors.append(taken)
        for stage, seconds in times.stages.items():
            stages.setdefault(stage, []).append(seconds)
    program = Path(command(source, source)[0]).name
    baseline, seconds = statistics.median(alone), statistics.median(jobs)
    bars = [
        Bar(f"{program} of the whole, {name}", baseline, "s"),
        *(Bar(f"  stage {stage}", statistics.median(taken), "s") for stage, taken in stages.items()),
        Bar(f"process_large_raster, {name}", seconds, "s"),
        Bar(f"process_large_raster / {program}", seconds / baseline, most=_MOST),
        *processor_bars(processors, name="process_large_raster", baseline_seconds=baseline),
        Bar("  peak memory of a worker's process", memory.peak_process_gib, "GiB", most=_MOST_MEMORY_GIB),
        Bar("  peak memory of all of them", memory.peak_total_gib, "GiB"),
    ]
    return bars, {program: alone, "process_large_raster": jobs, "stages": stages}


def _gdal_translate(source: Path, target: Path) -> list[str]:
    return [_program("gdal_translate"), "-q", "-of", "COG", *_creation(), str(source), str(target)]


def _gdalwarp(source: Path, target: Path) -> list[str]:
    """With a mask of what the source does not reach, as the job's COGs have it."""
    how = ["-t_srs", _TARGET_CRS, "-r", "bilinear", "-multi", "-wo", "NUM_THREADS=ALL_CPUS", "-dstalpha"]
    return [_program("gdalwarp"), "-q", "-of", "COG", *how, *_creation(), str(source), str(target)]


def _creation() -> list[str]:
    return [part for name, value in _CREATION.items() for part in ("-co", f"{name}={value}")]


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise NotMeasured(f"{name} is not installed (package gdal-bin)")
    return program


def _timed(command: list[str]) -> float:
    target = Path(command[-1])
    target.unlink(missing_ok=True)
    os.sync()  # what others have written is not to be waited for here
    begin = time.monotonic()
    subprocess.run(command, check=True)
    seconds = time.monotonic() - begin
    target.unlink()
    return seconds


def _warm_up(place: Workplace) -> None:
    """What is imported once, on a raster of a few megabytes."""
    uri = place.put(picture(place.directory / "warm_up.tif", width=1024, height=1024))
    _, prefix = _job(place, uri, {})
    _delete_all(place, prefix)
    place.delete(uri)


def _job(place: Workplace, uri: str, options: dict[str, Any]) -> tuple[JobTimes, str]:
    """How long it took, and where its blobs are."""
    prefix = f"azure://silver/bench/{time.time_ns()}"
    parameters = {"source_uri": uri, "target_prefix": prefix, "options": options}
    return place.run_job("process_large_raster", parameters, patience_seconds=4 * 3600), prefix


def _delete_all(place: Workplace, prefix: str) -> None:
    """So that the disk holds out."""
    container, _, folder = prefix.removeprefix("azure://").partition("/")
    with BlobServiceClient.from_connection_string(place.stack.azurite.connection_string) as service:
        blobs = service.get_container_client(container)
        for name in blobs.list_blob_names(name_starts_with=f"{folder}/"):
            blobs.delete_blob(name)
