"""Ingestion against ogr2ogr and geopandas: the same file, into the same server, with the same indexes.

The platform begins with a blob and ends with a published collection: its time holds the download, the
inspection, the checks, the chunks, the catalogue and the switch. The others begin with the file on the local
disk and end with a table that has a key and a spatial index. All reproject to EPSG:4326, or none.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tools.bench.measuring.bars import Bar
from tools.bench.measuring.engine_client import NotMeasured
from tools.bench.measuring.processor_time import processor_bars, processor_time
from tools.bench.measuring.workplace import Workplace
from tools.bench.vector_parts.files import points, polygons

_PATIENCE_SECONDS = 900
_MOST_OF_OGR2OGR, _LEAST_OF_GEOPANDAS = 1.2, 4.0
_SRID = 32633
_TABLE = "bench_alone"


def measure(place: Workplace, options: argparse.Namespace) -> tuple[list[Bar], dict[str, Any]]:
    """In turns, so that whatever else the machine does is shared."""
    files = {
        "polygons": polygons(place.directory / f"polygons_{options.polygons}.gpkg", count=options.polygons),
        "points": points(place.directory / f"points_{options.points}.gpkg", count=options.points),
    }
    _platform(place, polygons(place.directory / "warm_up.gpkg", count=1000), "warm-up", [])
    bars, details = [], dict[str, Any]()
    for name, source in files.items():
        measured, details[name] = _side_by_side(place, source, name, repeats=options.repeats)
        bars += measured
    return bars, details


def _side_by_side(
    place: Workplace, source: Path, name: str, *, repeats: int
) -> tuple[list[Bar], dict[str, Any]]:
    processors = list[dict[str, float]]()
    sides: dict[str, Callable[[], float]] = {
        "ogr2ogr": lambda: _ogr2ogr(place, source),
        "geopandas": lambda: _geopandas(place, source),
        "platform": lambda: _platform(place, source, name, processors),
    }
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(repeats):
        for side, run in sides.items():
            taken[side].append(run())
    seconds = {side: statistics.median(each) for side, each in taken.items()}
    bars = [
        Bar(f"{name}: ogr2ogr with COPY, and the index", seconds["ogr2ogr"], "s"),
        Bar(f"{name}: geopandas.to_postgis, and the index", seconds["geopandas"], "s"),
        Bar(f"{name}: platform, blob to published collection", seconds["platform"], "s"),
        Bar(f"{name}: platform / ogr2ogr", seconds["platform"] / seconds["ogr2ogr"], most=_MOST_OF_OGR2OGR),
        Bar(
            f"{name}: geopandas / platform",
            seconds["geopandas"] / seconds["platform"],
            least=_LEAST_OF_GEOPANDAS,
        ),
        *processor_bars(processors, name=f"the platform, {name}", baseline_seconds=seconds["ogr2ogr"]),
    ]
    return bars, {**taken, "processors": processors}


def _ogr2ogr(place: Workplace, source: Path) -> float:
    """The seconds; ogr2ogr makes the key and the spatial index itself."""
    program = shutil.which("ogr2ogr")
    if program is None:
        raise NotMeasured("ogr2ogr is not installed (package gdal-bin)")
    url = urlsplit(place.stack.database.urls().admin)
    parts = {"host": url.hostname, "port": url.port, "user": url.username, "password": url.password}
    target = " ".join(f"{key}={value}" for key, value in parts.items() if value)
    command = [
        program, "-q", "-f", "PostgreSQL", f"PG:{target} dbname={url.path[1:]}", str(source),
        "--config", "PG_USE_COPY", "YES", "-nln", _TABLE, "-overwrite",
        "-lco", "GEOMETRY_NAME=geom", "-lco", "FID=fid",
    ]  # fmt: skip
    return _timed(place, lambda: subprocess.run(command, check=True))


def _geopandas(place: Workplace, source: Path) -> float:
    """In a process of its own, whose start counts as ogr2ogr's does."""
    url = place.stack.database.urls().admin
    command = [sys.executable, "-m", "tools.bench.vector_parts.to_postgis", str(source), url, _TABLE]
    return _timed(place, lambda: subprocess.run(command, check=True))


def _timed(place: Workplace, run: Callable[[], object]) -> float:
    with psycopg.connect(place.stack.database.urls().admin, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")
        begin = time.monotonic()
        run()
        seconds = time.monotonic() - begin
        connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")
    return seconds


def _platform(place: Workplace, source: Path, name: str, processors: list[dict[str, float]]) -> float:
    """The seconds; what the parts of the stack worked meanwhile is appended to `processors`."""
    uri = place.put(source)
    body = {
        "dataset_id": "bench-vectors",
        "resource_id": f"{name}-{time.time_ns()}",
        "version_id": "v1",
        "request_type": "vector",
        "source_path": uri.removeprefix("azure://"),
        "processing_config": {"target_crs": f"EPSG:{_SRID}"},
    }
    with processor_time(place.stack) as taken:
        seconds = place.publish(body, patience_seconds=_PATIENCE_SECONDS)
    processors.append(taken)
    place.delete(uri)
    return seconds
