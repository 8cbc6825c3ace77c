"""`./dev bench raster`: rasters through the platform, side by side with GDAL's own programs and titiler.

The stack is one of its own, durable, with Azurite as the storage; the images are generated and kept in
`.local/bench/sources` for the next run.
"""

import argparse
from collections.abc import Sequence

from tools.bench.measuring.parts import names_of, run_parts

PARTS = {
    "cog": "process_raster against gdal_translate",
    "large": "process_large_raster against gdal_translate and gdalwarp",
    "tiles": "tiles of a COG and of a mosaic against titiler",
}
_SOME = f"some of {','.join(PARTS)}"


def main(arguments: Sequence[str]) -> int:
    """Run, show a table, write `.local/bench/raster.json`; exit code 1 when a bar is missed."""
    return run_parts("raster", PARTS, _options(arguments))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench raster", description=__doc__)
    parser.add_argument(
        "--only", type=names_of(PARTS), default=list(PARTS), help=f"some of {','.join(PARTS)}"
    )
    parser.add_argument("--side", type=int, default=8000, help="pixels a side of the picture of `cog`")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="pixels of the raster of `large`")
    parser.add_argument("--mosaic-tiles", type=int, default=200, help="parts of the mosaic of `tiles`")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2, help="worker processes of the host")
    return parser.parse_args(arguments)
