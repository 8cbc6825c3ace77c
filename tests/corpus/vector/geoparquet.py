"""GeoParquet: what its footer may say, and what may be wrong with it. Source: GeoParquet 1.1.0."""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from tests.corpus.vector.case import Door, Table, accepted, case, refused
from tests.corpus.vector.making import TWO_PLACES, arrow_table, cut
from tests.vectors import SQUARE, Geometries

_POINT = pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)])


def geo(*, encoding: str = "WKB", version: str = "1.1.0", **column: Any) -> dict[str, Any]:
    """Metadata of one geometry column, `geom`."""
    return {
        "version": version,
        "primary_column": "geom",
        "columns": {"geom": {"encoding": encoding, "geometry_types": [], **column}},
    }


def write_geoparquet(
    path: Path,
    geometries: Geometries | Sequence[bytes | None],
    columns: Mapping[str, Any] | None = None,
    *,
    metadata: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    """A file; with `metadata` it says other things than the truth."""
    table = arrow_table(geometries, columns or {"n": list(range(len(geometries)))})
    write_table(path, table, metadata=metadata, **options)


def write_table(
    path: Path, table: pa.Table, *, metadata: Mapping[str, Any] | None = None, **options: Any
) -> None:
    """Any table, with the metadata beside it."""
    text = json.dumps(geo() if metadata is None else metadata)
    pq.write_table(table.replace_schema_metadata({"geo": text}), path, **options)


@case("plain.parquet", accepted(Table("plain", 2, "Point", columns={"n": "bigint"})))
def plain(path: Path) -> None:
    write_geoparquet(path, TWO_PLACES)


@case("version_1_0.parquet", accepted(Table("version_1_0", 3, "MultiPolygon", nulls=1)))
def version_1_0(path: Path) -> None:
    write_geoparquet(path, [SQUARE, None, SQUARE], metadata=geo(version="1.0.0"))


@case("row_groups.geoparquet", accepted(Table("row_groups", 900, "Point")))
def row_groups(path: Path) -> None:
    write_geoparquet(
        path, [shapely.Point(i / 10, 1) for i in range(900)], row_group_size=100, compression="zstd"
    )


@case("projected.parquet", accepted(Table("projected", 1, "Point")))
def projected(path: Path) -> None:
    crs = pyproj.CRS("EPSG:25832").to_json_dict()
    write_geoparquet(path, [shapely.Point(565_000, 5_930_000)], metadata=geo(crs=crs))


@case("crs_is_null.parquet", refused("CRS_MISSING", door=Door.PLANNING))
def crs_is_null(path: Path) -> None:
    write_geoparquet(path, TWO_PLACES, metadata=geo(crs=None))


@case("crs_is_nonsense.parquet", refused("CRS_UNKNOWN"))
def crs_is_nonsense(path: Path) -> None:
    write_geoparquet(path, TWO_PLACES, metadata=geo(crs={"type": "Nonsense", "name": "/etc/passwd"}))


@case(
    "spherical.parquet",
    accepted(Table("spherical", 2, "Point"), findings=("SPHERICAL_EDGES", "COORDINATE_EPOCH_IGNORED")),
)
def spherical(path: Path) -> None:
    write_geoparquet(path, TWO_PLACES, metadata=geo(edges="spherical", epoch=2020.5))


@case(
    "covering.parquet",
    accepted(Table("covering", 2, "Point", columns={"n": "bigint"}), findings=("COVERING_COLUMN_DROPPED",)),
)
def covering(path: Path) -> None:
    bbox = [{"xmin": p.x, "ymin": p.y, "xmax": p.x, "ymax": p.y} for p in TWO_PLACES]
    paths = {corner: ["bbox", corner] for corner in bbox[0]}
    write_geoparquet(path, TWO_PLACES, {"n": [1, 2], "bbox": bbox}, metadata=geo(covering={"bbox": paths}))


@case(
    "two_geometries.parquet",
    accepted(
        Table("two_geometries", 2, "Point", columns={"centre": "text"}), findings=("MORE_GEOMETRY_COLUMNS",)
    ),
)
def two_geometries(path: Path) -> None:
    metadata = geo()
    metadata["columns"]["centre"] = {"encoding": "WKB", "geometry_types": []}
    centres = pa.array(shapely.to_wkb(TWO_PLACES).tolist(), pa.binary())
    write_geoparquet(path, TWO_PLACES, {"n": [1, 2], "centre": centres}, metadata=metadata)


@case("native_points.parquet", accepted(Table("native_points", 3, "Point", nulls=1)))
def native_points(path: Path) -> None:
    places = pa.array([{"x": 1.0, "y": 2.0}, None, {"x": 3.0, "y": 4.0}], _POINT)
    write_table(path, pa.table({"n": [1, 2, 3], "geom": places}), metadata=geo(encoding="point"))


@case("native_polygons.parquet", accepted(Table("native_polygons", 2, "MultiPolygon")))
def native_polygons(path: Path) -> None:
    ring = [{"x": x, "y": y} for x, y in SQUARE.exterior.coords]
    shapes = pa.array([[ring], [ring]], pa.list_(pa.list_(_POINT)))
    write_table(path, pa.table({"n": [1, 2], "geom": shapes}), metadata=geo(encoding="polygon"))


@case("unknown_encoding.parquet", refused("UNSUPPORTED_FORMAT"))
def unknown_encoding(path: Path) -> None:
    write_geoparquet(path, TWO_PLACES, metadata=geo(encoding="TWKB"))


@case("no_metadata.parquet", refused("UNSUPPORTED_FORMAT"))
def no_metadata(path: Path) -> None:
    pq.write_table(arrow_table(TWO_PLACES, {"n": [1, 2]}), path)


@case("version_of_the_future.parquet", refused("UNSUPPORTED_FORMAT"))
def version_of_the_future(path: Path) -> None:
    write_geoparquet(path, TWO_PLACES, metadata=geo(version="7.0.0"))


@case("metadata_without_its_column.parquet", refused("CONTENT_MISMATCH"))
def metadata_without_its_column(path: Path) -> None:
    pq.write_table(pa.table({"n": [1]}).replace_schema_metadata({"geo": json.dumps(geo())}), path)


@case("metadata_no_json.parquet", refused("CONTENT_MISMATCH"))
def metadata_no_json(path: Path) -> None:
    table = arrow_table(TWO_PLACES, {"n": [1, 2]})
    pq.write_table(table.replace_schema_metadata({"geo": "[" * 5000}), path)


@case("no_rows.parquet", refused("NO_FEATURES", door=Door.PLANNING))
def no_rows(path: Path) -> None:
    write_geoparquet(path, [], {"n": pa.array([], pa.int64())})


@case("cut_off.parquet", refused("GEOMETRY_UNREADABLE", "CONTENT_MISMATCH"))
def cut_off(path: Path) -> None:
    write_geoparquet(path, TWO_PLACES)
    cut(path, share=0.7)


@case("damaged_page.parquet", refused("GEOMETRY_UNREADABLE"))
def damaged_page(path: Path) -> None:
    write_geoparquet(
        path,
        [shapely.Point(i, 1) for i in range(90)],
        compression="zstd",
        write_page_checksum=True,
        use_dictionary=False,
    )
    content = bytearray(path.read_bytes())
    content[300:330] = bytes(byte ^ 0x5A for byte in content[300:330])
    path.write_bytes(content)


@case(
    "declared_beyond_all_bounds.parquet",
    refused("GEOMETRY_UNREADABLE", "SOURCE_TOO_LARGE", "CONTENT_MISMATCH"),
)
def declared_beyond_all_bounds(path: Path) -> None:
    """A footer that says it is two gigabytes long."""
    write_geoparquet(path, TWO_PLACES)
    content = path.read_bytes()
    path.write_bytes(content[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1")
