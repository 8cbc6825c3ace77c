"""Many runs in one process leave nothing behind: no memory, no open file, no thread, nothing in /vsimem/."""

import ctypes
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import rasterio

from tests import rasters
from tests.unit.raster_cog.conftest import CogBench

RUNS, WARM_UP = 200, 40
_PAGE_BYTES = os.sysconf("SC_PAGESIZE")
ALLOWED_GROWTH_BYTES = 16 * 2**20
"""Arenas of the allocator for threads that come and go; a leak of one small raster a run is more."""


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def files_in_vsimem() -> list[str]:
    """Asked of the very library that rasterio has loaded."""
    paths = {
        line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libgdal" in line
    }
    libraries = [path for path in paths if "rasterio" in path]
    assert libraries, "rasterio's GDAL is not where it was"
    gdal = ctypes.CDLL(libraries[0])
    gdal.VSIReadDirRecursive.restype = ctypes.POINTER(ctypes.c_char_p)
    names = gdal.VSIReadDirRecursive(b"/vsimem/")
    found = list[str]()
    while names and names[len(found)]:
        found.append(names[len(found)].decode())
    return found


def test_the_look_into_vsimem_sees_something() -> None:
    with rasterio.MemoryFile(b"x"):
        assert files_in_vsimem()


def test_two_hundred_runs_leave_nothing_behind(bench: CogBench) -> None:
    sources = [
        rasters.rgb(bench.path("rgb.tif"), width=300, height=300),
        rasters.masked(bench.path("masked.tif")),
        rasters.write_geotiff(bench.path("dem.tif"), dtype="float32", width=300, height=300),
    ]
    wishes: tuple[dict[str, Any], ...] = ({}, {"target_crs": "EPSG:3857"}, {"cog_tier": "visualization"})
    before_vsimem = files_in_vsimem()
    for run in range(RUNS):
        around = bench.around()
        bench.create(sources[run % 3], **wishes[run // 3 % 3])
        shutil.rmtree(around.context.workspace)
        for path in (*bench.root.glob("work*"), bench.root / "blobs" / "silver"):
            shutil.rmtree(path)
        if run == WARM_UP:
            settled, files, threads = resident_bytes(), open_files(), threading.active_count()
    assert resident_bytes() - settled < ALLOWED_GROWTH_BYTES
    assert open_files() == files
    assert threading.active_count() == threads
    assert files_in_vsimem() == before_vsimem
