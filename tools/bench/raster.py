"""`./dev bench raster`: rasters through the platform, side by side with GDAL's own programs and titiler.

The stack is one of its own, durable, with Azurite as the storage; the images are generated and kept in
`.local/bench/images` for the next run.
"""

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.bench.measuring.bars import Bar, report
from tools.bench.measuring.engine_client import NotMeasured
from tools.bench.raster_parts.workplace import Workplace, workplace

ROOT = Path(__file__).resolve().parents[2]
STATE_DIR = ROOT / ".local" / "bench"

PARTS = {
    "cog": "process_raster against gdal_translate",
    "large": "process_large_raster against gdal_translate and gdalwarp",
    "tiles": "tiles of a COG and of a mosaic against titiler",
}
"""Each is a module of `tools.bench.raster_parts` with `measure(place, options)`."""


def main(arguments: Sequence[str]) -> int:
    """Run, show a table, write `.local/bench/raster.json`; exit code 1 when a bar is missed."""
    options = _options(arguments)
    bars: list[Bar] = []
    details: dict[str, Any] = {}
    with workplace(ROOT, STATE_DIR, processes=options.processes) as place:
        for name in options.only:
            measured, details[name] = _measured(name, place, options)
            bars += measured
    return report(STATE_DIR / "raster.json", bars, options=vars(options), details=details)


def _measured(name: str, place: Workplace, options: argparse.Namespace) -> tuple[list[Bar], dict[str, Any]]:
    """One part. One that breaks off is a missed bar, and keeps the others from nothing."""
    print(f"{name}: {PARTS[name]} ...", flush=True)
    try:
        bars, details = importlib.import_module(f"tools.bench.raster_parts.{name}").measure(place, options)
    except (NotMeasured, TimeoutError) as exc:
        bars, details = [Bar(f"{name}: {exc}", 0, least=1)], {}
    for bar in bars:
        print(f"    {bar.name}: {bar.value:,.2f} {bar.unit}", flush=True)
    return bars, details


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench raster", description=__doc__)
    parser.add_argument("--only", type=_names, default=list(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--side", type=int, default=8000, help="pixels a side of the picture of `cog`")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="pixels of the raster of `large`")
    parser.add_argument("--mosaic-tiles", type=int, default=200, help="parts of the mosaic of `tiles`")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2, help="worker processes of the host")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := sorted(set(names) - set(PARTS)):
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(unknown)}")
    return names
