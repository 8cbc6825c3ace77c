"""Rows of a chunk and the plan of their table, as the cleaning gets them."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry

from core.task_models.vector import CleaningOptions, RejectReason, TablePlan, VectorColumn
from services.vector.cleaning import CleanedChunk, clean
from services.vector.crs import reprojection

Given: TypeAlias = BaseGeometry | bytes | str | None


def wkb_of(geometries: Sequence[Given]) -> pa.Array:
    """ISO WKB of geometries or WKT; bytes as they are."""
    return pa.array([_wkb(each) for each in geometries], pa.binary())


def chunk(geometries: Sequence[Given], **columns: pa.Array) -> pa.RecordBatch:
    """Rows from number 100 on, with ids from 1 on."""
    rows = pa.array(range(100, 100 + len(geometries)), pa.int64())
    fids = pa.array(range(1, 1 + len(geometries)), pa.int64())
    arrays = [rows, fids, wkb_of(geometries), *columns.values()]
    return pa.RecordBatch.from_arrays(arrays, names=["__row", "__fid", "__wkb", *columns])


def table_plan(
    geometry_type: str = "Geometry",
    *,
    crs: str = "EPSG:4326",
    target_crs: str = "EPSG:4326",
    bbox: tuple[float, float, float, float] | None = (-180, -90, 180, 90),
    columns: tuple[VectorColumn, ...] = (),
    **changes: Any,
) -> TablePlan:
    way = reprojection(crs, target_crs, bbox=bbox)
    plan = TablePlan(
        table="t",
        layer="places",
        source_crs=way.source_crs,
        source_crs_wkt=way.source_crs_wkt,
        target_crs=target_crs,
        geometry_type=geometry_type,
        source_bbox=bbox,
        columns=columns,
        feature_count=1,
        null_geometry_count=0,
        digest="0" * 16,
        chunks=(),
    )
    return plan.model_copy(update=changes)


def cleaned(
    geometries: Sequence[Given],
    geometry_type: str = "Geometry",
    *,
    plan: TablePlan | None = None,
    copies: Sequence[int] | None = None,
    columns: dict[str, pa.Array] | None = None,
    **options: Any,
) -> CleanedChunk:
    """What becomes of geometries in EPSG:4326, or as the plan says."""
    return clean(
        chunk(geometries, **(columns or {})),
        plan=plan or table_plan(geometry_type),
        options=CleaningOptions(**options),
        duplicates=None if copies is None else np.array(copies, dtype=np.int64),
    )


def geometries_of(result: CleanedChunk) -> list[BaseGeometry | None]:
    return [None if wkb is None else shapely.from_wkb(wkb) for wkb in wkb_loaded(result)]


def wkt_of(result: CleanedChunk) -> list[str | None]:
    return [None if each is None else each.wkt for each in geometries_of(result)]


def wkb_loaded(result: CleanedChunk) -> list[bytes | None]:
    loaded: list[bytes | None] = result.loaded.column("geom").to_pylist()
    return loaded


def steps_of(result: CleanedChunk) -> dict[tuple[str, str], int]:
    return {(each.step, each.policy): each.count for each in result.steps}


def rejected(result: CleanedChunk) -> dict[int, RejectReason]:
    return dict(zip(result.rejected_rows.tolist(), result.reasons, strict=True))


def _wkb(given: Given) -> bytes | None:
    if given is None or isinstance(given, bytes):
        return given
    geometry = shapely.from_wkt(given) if isinstance(given, str) else given
    wkb: bytes = shapely.to_wkb(geometry, output_dimension=4, byte_order=1, flavor="iso")
    return wkb
