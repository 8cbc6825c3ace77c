"""Exported files read by other people's code, as rows by `fid`."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import geopandas
import pyarrow.parquet as pq
import pyogrio
import shapely

# The driver's own Arrow stream mixes up rows around features without geometry; a client of GDAL's that reads
# feature by feature does not meet it. https://gdal.org/en/stable/drivers/vector/flatgeobuf.html
pyogrio.set_gdal_config_options({"OGR_FLATGEOBUF_STREAM_BASE_IMPL": True})
csv.field_size_limit(2**30)

Row = tuple[Any, dict[str, Any]]
"""The geometry and the attributes."""


def rows_of(kind: str, path: Path) -> dict[int, Row]:
    """The rows of a file of one table."""
    return _READERS[kind](path)


def _gdal(path: Path | str, layer: str | None = None) -> dict[int, Row]:
    meta, table = pyogrio.read_arrow(path, layer=layer, return_fids=True)
    geometry = meta["geometry_name"] or "wkb_geometry"
    columns = table.to_pydict()
    own_ids = columns.pop(meta["fid_column"] or "OGC_FID", None)
    ids = columns.pop("fid", own_ids)
    shapes = shapely.from_wkb(columns.pop(geometry)) if geometry in columns else [None] * table.num_rows
    return _rows(ids, shapes, columns)


def _rows(ids: Any, shapes: Any, columns: dict[str, Any]) -> dict[int, Row]:
    values = zip(*columns.values(), strict=True) if columns else [()] * len(ids)
    return {
        int(fid): (shape, dict(zip(columns, row, strict=True)))
        for fid, shape, row in zip(ids, shapes, values, strict=True)
    }


def _parquet(path: Path) -> dict[int, Row]:
    table = pq.read_table(path)
    columns = table.to_pydict()
    boxes = columns.pop("bbox")
    shapes = shapely.from_wkb(columns.pop("geom"))
    for shape, box in zip(shapes, boxes, strict=True):
        assert (box is None) == (shape is None or shape.is_empty)
        assert box is None or tuple(box.values()) == shape.bounds
    assert len(geopandas.read_parquet(path)) == table.num_rows
    return _rows(columns.pop("fid"), shapes, columns)


def _geojson(path: Path) -> dict[int, Row]:
    features = json.loads(path.read_text())["features"]
    shapes = _gdal(path)
    return {each["id"]: (shapes[each["id"]][0], each["properties"]) for each in features}


def _csv(path: Path) -> dict[int, Row]:
    content = path.read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    found = {}
    for row in rows:
        places = [row.pop(axis, None) for axis in ("x", "y", "z", "m")]
        wkt = row.pop("wkt", None)
        shape = shapely.from_wkt(wkt) if wkt else _point(places)
        fid = int(row.pop("fid"))
        found[fid] = (shape, row)
    return found


def _point(places: list[str | None]) -> Any:
    if not places[0]:
        return None
    words = "".join(axis for axis, value in zip("  ZM", places, strict=True) if value and axis.strip())
    return shapely.from_wkt(f"POINT {words} ({' '.join(value for value in places if value)})")


def _shapefile(path: Path) -> dict[int, Row]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert any(name.endswith("_fields.csv") for name in names)
    found: dict[int, Row] = {}
    for name in names:
        if name.endswith(".dbf"):
            found |= _gdal(
                f"/vsizip/{path}/{name.replace('.dbf', '.shp') if _is_spatial(name, names) else name}"
            )
    return found


def _is_spatial(name: str, names: list[str]) -> bool:
    return name.replace(".dbf", ".shp") in names


_READERS = {
    "gpkg": _gdal,
    "fgb": _gdal,
    "parquet": _parquet,
    "geojson": _geojson,
    "csv": _csv,
    "shp": _shapefile,
}
