"""`./dev bench vector`: vector files through the platform, side by side with ogr2ogr, geopandas and tipg.

The stack is one of its own, durable, with Azurite as the storage and PostGIS as it is set up for the
platform; the others write into a database of the same server. The files are generated and kept in
`.local/bench/sources` for the next run.
"""

import argparse
from collections.abc import Sequence

from tools.bench.measuring.parts import ROOT, names_of, run_parts
from tools.bench.measuring.requirements import ensure_python_packages

PARTS = {
    "load": "ingestion of polygons and points against ogr2ogr and geopandas",
    "memory": "peak memory of the ingestion of a large GeoJSONSeq",
    "serving": "features and vector tiles against tipg",
}
_SOME = f"some of {','.join(PARTS)}"


def main(arguments: Sequence[str]) -> int:
    """Run, show a table, write `.local/bench/vector.json`; exit code 1 when a bar is missed."""
    options = _options(arguments)
    if "load" in options.only:
        ensure_python_packages(ROOT, "sqlalchemy", "geoalchemy2")
    return run_parts("vector", PARTS, options)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench vector", description=__doc__)
    parser.add_argument(
        "--only", type=names_of(PARTS), default=list(PARTS), help=f"some of {','.join(PARTS)}"
    )
    parser.add_argument("--polygons", type=int, default=200_000, help="features of the file of polygons")
    parser.add_argument("--points", type=int, default=2_000_000, help="features of the file of points")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="size of the file of `memory`")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2, help="worker processes of the host")
    return parser.parse_args(arguments)
