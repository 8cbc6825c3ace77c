"""Peak memory of the processes that ingest a GeoJSONSeq of several gigabytes."""

import argparse
import time
from typing import Any

from tools.bench.measuring.bars import Bar
from tools.bench.measuring.memory import MemoryWatch
from tools.bench.measuring.workplace import Workplace
from tools.bench.vector_parts.files import geojson_lines

_PATIENCE_SECONDS = 4 * 3600
_MOST_GIB = 1.0


def measure(place: Workplace, options: argparse.Namespace) -> tuple[list[Bar], dict[str, Any]]:
    """Once: it takes long, and memory does not depend on what else the machine does."""
    source = geojson_lines(
        place.directory / f"lines_{options.gigabytes:g}.geojsonl", gigabytes=options.gigabytes
    )
    uri = place.put(source)
    body = {
        "dataset_id": "bench-vectors",
        "resource_id": f"lines-{time.time_ns()}",
        "version_id": "v1",
        "request_type": "vector",
        "source_path": uri.removeprefix("azure://"),
    }
    with MemoryWatch(place.worker_processes) as memory:
        seconds = place.publish(body, patience_seconds=_PATIENCE_SECONDS)
    place.delete(uri)
    size = source.stat().st_size
    bars = [
        Bar(f"GeoJSONSeq of {size / 1e9:.1f} GB, blob to published collection", seconds, "s"),
        Bar("  peak memory of a worker's process", memory.peak_process_gib, "GiB", most=_MOST_GIB),
        Bar("  peak memory of all of them", memory.peak_total_gib, "GiB"),
    ]
    return bars, {"source_bytes": size}
