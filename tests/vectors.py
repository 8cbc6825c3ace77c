"""Small vector files, made when a test asks for them: whole ones, and ones that are wrong in one way."""

import io
import json
import sqlite3
import struct
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from shapely.geometry.base import BaseGeometry

SQUARE = shapely.box(10, 50, 11, 51)
BOW_TIE = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
ONE_OF_EACH_TYPE: dict[str, BaseGeometry] = {
    "Point": shapely.Point(1, 2),
    "MultiPoint": shapely.MultiPoint([(1, 2), (3, 4)]),
    "LineString": shapely.LineString([(0, 0), (1, 1)]),
    "MultiLineString": shapely.MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3)]]),
    "Polygon": SQUARE,
    "MultiPolygon": shapely.MultiPolygon([SQUARE, shapely.box(20, 50, 21, 51)]),
    "GeometryCollection": shapely.GeometryCollection([shapely.Point(1, 2), SQUARE]),
}

Geometries = Sequence[BaseGeometry | None]


def points(count: int) -> list[BaseGeometry]:
    """Points along a line, all different."""
    return list(shapely.points(np.arange(count) % 100 + 0.5, np.arange(count) % 50 + 0.25))


# -- GeoJSON ------------------------------------------------------------------------------------------


def geojson(geometries: Geometries, *properties: Mapping[str, Any], **members: Any) -> bytes:
    """A FeatureCollection; the last properties are repeated, `members` go beside `features`."""
    given = [*properties] or [{}]
    features = [
        {
            "type": "Feature",
            "geometry": None if geometry is None else shapely.geometry.mapping(geometry),
            "properties": given[min(number, len(given) - 1)],
        }
        for number, geometry in enumerate(geometries)
    ]
    return geojson_text(features, **members)


def geojson_text(features: Iterable[Mapping[str, Any]], **members: Any) -> bytes:
    """A FeatureCollection of ready features."""
    collection = {"type": "FeatureCollection", **members, "features": list(features)}
    return json.dumps(collection, ensure_ascii=False).encode()


# -- GeoPackage ---------------------------------------------------------------------------------------


def write_geopackage(
    path: Path,
    geometries: Geometries,
    columns: Mapping[str, Any] | None = None,
    *,
    layer: str = "data",
    crs: str | None = "EPSG:4326",
    geometry_type: str = "Unknown",
) -> Path:
    """A layer, added to the file if it is there already."""
    pyogrio.write_arrow(
        _table(geometries, columns),
        path,
        layer=layer,
        driver="GPKG",
        geometry_name="geom",
        geometry_type=geometry_type,
        crs=crs,
        append=path.exists(),
    )
    return path


def edit_geopackage(path: Path, *statements: str) -> None:
    """Change a GeoPackage behind the back of its triggers."""
    with closing(sqlite3.connect(path)) as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            database.execute(statement)
        database.commit()


# -- Shapefile ----------------------------------------------------------------------------------------


def shapefile_parts(
    directory: Path,
    geometries: Geometries,
    columns: Mapping[str, Any] | None = None,
    *,
    crs: str | None = "EPSG:4326",
    geometry_type: str = "Point",
    encoding: str = "UTF-8",
) -> dict[str, bytes]:
    """The files of a Shapefile by extension (`.shp`), to be changed and zipped."""
    path = directory / "made.shp"
    with warnings.catch_warnings():
        # GDAL says that it cuts names at 10 characters, and that there is no CRS: both are meant
        warnings.simplefilter("ignore")
        pyogrio.write_arrow(
            _table(geometries, columns or {"number": list(range(len(geometries)))}),
            path,
            driver="ESRI Shapefile",
            geometry_name="geom",
            geometry_type=geometry_type,
            crs=crs,
            encoding=encoding,
        )
    parts = {each.suffix: each.read_bytes() for each in directory.glob("made.*")}
    for each in directory.glob("made.*"):
        each.unlink()
    return parts


def zipped(files: Mapping[str, bytes], *, compress: bool = True) -> bytes:
    """An archive of files by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def zipped_shapefile(parts: Mapping[str, bytes], *, name: str = "places") -> bytes:
    """An archive with one Shapefile."""
    return zipped({f"{name}{suffix}": content for suffix, content in parts.items()})


def with_first_x(shp: bytes, x: float) -> bytes:
    """A point Shapefile whose first record has this x."""
    position = 100 + 8 + 4  # header, record header, shape type
    return shp[:position] + struct.pack("<d", x) + shp[position + 8 :]


def with_symlink(content: bytes, name: str) -> bytes:
    """The archive with one more entry, which is a symbolic link."""
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def _table(geometries: Geometries, columns: Mapping[str, Any] | None) -> pa.Table:
    wkb = shapely.to_wkb(np.array(geometries, dtype=object), flavor="iso")
    arrays = {
        name: value if isinstance(value, pa.Array) else pa.array(value)
        for name, value in (columns or {}).items()
    }
    return pa.table({**arrays, "geom": pa.array(wkb, pa.binary())})
