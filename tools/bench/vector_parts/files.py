"""Large vector files as hubs get them: parcels, places, and lines of GeoJSON; computed, never fetched.

The same arguments give the same features. A file is made only if it is not there.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import shapely

_BATCH = 50_000
_SIDES = 12
_RADIUS_METRES = 40.0
_SPACING_METRES = 100.0
_CRS = "EPSG:32633"
_ORIGIN = (300_000.0, 5_000_000.0)
_SPELLED = ("residential", "farmland", "forest", "industrial", "meadow")


def polygons(path: Path, *, count: int) -> Path:
    """A GeoPackage of polygons with twelve corners on a grid, in UTM zone 33."""
    return _geopackage(path, count=count, geometry_type="Polygon", shapes=_polygons)


def points(path: Path, *, count: int) -> Path:
    """A GeoPackage of points, in UTM zone 33."""
    return _geopackage(path, count=count, geometry_type="Point", shapes=_points)


def geojson_lines(path: Path, *, gigabytes: float) -> Path:
    """GeoJSON text sequences, one feature a line, of about this size."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8") as file:
        first = 0
        while file.tell() < gigabytes * 1e9:
            file.writelines(_lines(first))
            first += _BATCH
    unfinished.rename(path)
    return path


def _lines(first: int) -> Iterator[str]:
    degrees = shapely.transform(
        _polygons(np.arange(first, first + _BATCH)), lambda xy: (xy - _ORIGIN) / 1e6 + (10.0, 45.0)
    )
    attributes = _attributes(first, _BATCH).to_pylist()
    for geometry, properties in zip(shapely.to_geojson(degrees), attributes, strict=True):
        properties["surveyed"] = properties["surveyed"].isoformat()
        yield f'{{"type":"Feature","properties":{json.dumps(properties)},"geometry":{geometry}}}\n'


def _geopackage(
    path: Path, *, count: int, geometry_type: str, shapes: Callable[[np.ndarray], np.ndarray]
) -> Path:
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part.gpkg")
    unfinished.unlink(missing_ok=True)
    table = pa.Table.from_batches(
        [
            _with_geometry(_attributes(first, len(numbers)), shapes(numbers))
            for first, numbers in _parts(count)
        ]
    )
    pyogrio.write_arrow(
        table,
        unfinished,
        driver="GPKG",
        layer=path.stem,
        geometry_name="geometry",
        geometry_type=geometry_type,
        crs=_CRS,
    )
    unfinished.rename(path)
    return path


def _parts(count: int) -> Iterator[tuple[int, np.ndarray]]:
    for first in range(0, count, _BATCH):
        yield first, np.arange(first, min(first + _BATCH, count))


def _with_geometry(table: pa.RecordBatch, geometries: np.ndarray) -> pa.RecordBatch:
    wkb = pa.array(shapely.to_wkb(geometries), type=pa.binary())
    return pa.RecordBatch.from_arrays([*table.columns, wkb], names=[*table.schema.names, "geometry"])


def _attributes(first: int, rows: int) -> pa.RecordBatch:
    """Five columns as parcels have them: a number, a text, a class, a measure, a day."""
    numbers = np.arange(first, first + rows)
    days = np.datetime64("2001-01-01", "D") + (numbers * 7919) % 9000
    return pa.record_batch(
        {
            "parcel": pa.array(numbers * 17 % 100_000_007, type=pa.int64()),
            "owner": pa.array([f"Owner {number:07d}" for number in numbers]),
            "land_use": pa.array([_SPELLED[number % len(_SPELLED)] for number in numbers]),
            "area": pa.array(np.round(3000 + (numbers * 31) % 977 / 7, 2)),
            "surveyed": pa.array(days.astype("datetime64[D]")),
        }
    )


def _centres(numbers: np.ndarray) -> np.ndarray:
    columns = 1500
    across, up = numbers % columns, numbers // columns
    return np.column_stack([across, up]) * _SPACING_METRES + _ORIGIN


def _points(numbers: np.ndarray) -> np.ndarray:
    scatter = np.random.default_rng(int(numbers[0])).uniform(-40, 40, (len(numbers), 2))
    found: np.ndarray = shapely.points(_centres(numbers) + scatter)
    return found


def _polygons(numbers: np.ndarray) -> np.ndarray:
    """Rings of twelve corners whose radii vary, so that no two are alike."""
    angles = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    radii = _RADIUS_METRES * (0.75 + 0.25 * np.sin(numbers[:, None] * 0.7 + np.arange(_SIDES)))
    rings = _centres(numbers)[:, None, :] + radii[..., None] * directions
    found: np.ndarray = shapely.polygons(np.concatenate([rings, rings[:, :1]], axis=1))
    return found
