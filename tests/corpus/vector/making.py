"""What the files of the corpus are made with, besides `tests.vectors`."""

import json
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import shapely

from tests.vectors import Geometries

TWO_PLACES = [shapely.Point(10, 50), shapely.Point(11, 51)]


def arrow_table(geometries: Geometries | Sequence[bytes | None], columns: Mapping[str, Any]) -> pa.Table:
    """The columns, and behind them `geom` as WKB; geometries may be WKB already."""
    wkb = [
        each if each is None or isinstance(each, bytes) else shapely.to_wkb(each, flavor="iso")
        for each in geometries
    ]
    arrays = {
        name: value if isinstance(value, pa.Array) else pa.array(value) for name, value in columns.items()
    }
    return pa.table({**arrays, "geom": pa.array(wkb, pa.binary())})


@contextmanager
def quiet() -> Iterator[None]:
    """What drivers say while they write is not what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def write_ogr(
    path: Path,
    geometries: Geometries | Sequence[bytes | None],
    columns: Mapping[str, Any] | None = None,
    *,
    driver: str,
    crs: str | None = "EPSG:4326",
    geometry_type: str = "Unknown",
    **options: Any,
) -> None:
    """A file of one layer, by a driver of GDAL's."""
    with quiet():
        pyogrio.write_arrow(
            arrow_table(geometries, columns or {"name": [f"n{i}" for i in range(len(geometries))]}),
            path,
            driver=driver,
            geometry_name="geom",
            geometry_type=geometry_type,
            crs=crs,
            **options,
        )


def coordinates(*places: tuple[float, ...]) -> bytes:
    """A counted run of coordinates, as in WKB."""
    return struct.pack("<I", len(places)) + b"".join(struct.pack(f"<{len(each)}d", *each) for each in places)


def header(code: int) -> bytes:
    """The begin of a geometry in WKB."""
    return struct.pack("<BI", 1, code)


ARC = header(8) + coordinates((0, 0), (1, 1), (2, 0))
CIRCLE = header(8) + coordinates((0, 0), (2, 0), (0, 0))
CURVED_POLYGON = header(10) + struct.pack("<I", 1) + CIRCLE
COMPOUND = header(9) + struct.pack("<I", 2) + ARC + header(2) + coordinates((2, 0), (5, 0))
OPEN_RING = header(3) + struct.pack("<I", 1) + coordinates((0, 0), (1, 0), (1, 1), (0, 1))
SHORT_RING = header(3) + struct.pack("<I", 1) + coordinates((0, 0), (1, 0), (0, 0))
NOT_A_PLACE = header(1) + struct.pack("<2d", float("nan"), 1.0)
ENDLESS_X = header(1) + struct.pack("<2d", float("inf"), 1.0)
TIN = (
    header(1016)
    + struct.pack("<I", 1)
    + header(1017)
    + struct.pack("<I", 1)
    + coordinates((0, 0, 1), (1, 0, 1), (0, 1, 1), (0, 0, 1))
)


def nested_collections(depth: int) -> bytes:
    """A point in collections in collections."""
    inner = header(7) + struct.pack("<I", 1)
    return inner * depth + header(1) + struct.pack("<2d", 1.0, 2.0)


def geopackage_blob(content: bytes, *, srid: int = 4326) -> bytes:
    """WKB as a GeoPackage keeps it. Source: OGC GeoPackage 1.3, 2.1.3."""
    return b"GP\x00\x01" + struct.pack("<i", srid) + content


def feature(geometry: Any, properties: Mapping[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """A feature of GeoJSON; the geometry as a mapping, a shape or None."""
    if isinstance(geometry, shapely.Geometry):
        geometry = shapely.geometry.mapping(geometry)
    return {"type": "Feature", **members, "geometry": geometry, "properties": dict(properties or {})}


def sequence(features: Iterable[Mapping[str, Any]], *, separator: str = "") -> bytes:
    """Features as a GeoJSON text sequence, or line by line."""
    return "".join(f"{separator}{json.dumps(each, ensure_ascii=False)}\n" for each in features).encode()


def cut(path: Path, *, share: float) -> None:
    """Keep the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def spread(count: int) -> np.ndarray:
    """That many different points in the north east of the globe."""
    places: np.ndarray = shapely.points(np.linspace(0, 170, count), np.linspace(0, 80, count))
    return places
