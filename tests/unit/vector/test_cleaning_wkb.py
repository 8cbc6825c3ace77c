"""Well-known binary taken apart without a geometry being made, compared with shapely."""

import re
import struct

import numpy as np
import pyarrow as pa
import pytest
import shapely

from services.vector.cleaning.canonical import canonical
from services.vector.cleaning.types import NAMES
from services.vector.cleaning.walk import RING
from services.vector.cleaning.wkb import Layout, resized
from tests.chunk_rows import wkb_of

_WKTS = [
    "POINT (1 2)",
    "LINESTRING (0 0, 1 1, 2 3)",
    "POLYGON ((0 0, 9 0, 9 9, 0 0), (1 1, 2 1, 2 2, 1 1))",
    "MULTIPOINT ((1 2), (3 4))",
    "MULTILINESTRING ((0 0, 1 1), (5 5, 6 6, 7 7))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5), (5.1 5.1, 5.2 5.1, 5.2 5.2, 5.1 5.1)))",
    "GEOMETRYCOLLECTION (POINT (1 2), GEOMETRYCOLLECTION (LINESTRING (0 0, 1 1)), POLYGON EMPTY)",
    "POLYGON EMPTY",
    "GEOMETRYCOLLECTION EMPTY",
]


def _in(dimensions: str) -> np.ndarray:
    """The same geometries, with 7 as the height, or 5 as the measure of every corner."""
    corner = re.compile(r"(-?[\d.]+ -?[\d.]+)")
    kind = re.compile(r"(POINT|STRING|POLYGON|COLLECTION) (?=\(|EMPTY)")
    texts = [kind.sub(r"\1 M ", corner.sub(r"\1 5", each)) for each in _WKTS] if dimensions == "M" else _WKTS
    made: np.ndarray = shapely.from_wkt(texts)
    return np.asarray(shapely.force_3d(made, z=7.0)) if dimensions == "Z" else made


@pytest.mark.parametrize("dimensions", ["", "Z", "M"])
@pytest.mark.parametrize("repeated", [1, 50])  # few rows are walked one by one, many side by side
def test_coordinates_are_those_of_shapely(dimensions: str, repeated: int) -> None:
    geometries = np.tile(_in(dimensions), repeated)
    layout = Layout(wkb_of(list(geometries)))
    x, y = layout.xy

    assert layout.is_readable.all()
    expected, owner = shapely.get_coordinates(geometries, return_index=True)
    rows = layout.runs.row[layout.owner]
    order = np.lexsort((layout.positions, rows))
    np.testing.assert_array_equal(np.column_stack([x, y])[order], expected)
    np.testing.assert_array_equal(rows[order], owner)
    names = [NAMES[base].upper() for base in layout.base]
    assert names == [each.geom_type.upper() for each in geometries]


def test_rings_and_shells() -> None:
    layout = Layout(wkb_of(_WKTS))
    is_ring = layout.runs.kind == RING

    assert np.count_nonzero(is_ring) == 5
    assert np.count_nonzero(is_ring & (layout.runs.is_shell > 0)) == 3


def test_coordinates_are_put_in_the_same_places() -> None:
    geometries = _in("Z")
    layout = Layout(wkb_of(list(geometries)))
    x, y = layout.xy
    moved = shapely.from_wkb(layout.moved(x + 1, y * 2).column.to_numpy(zero_copy_only=False))

    expected = shapely.transform(geometries, lambda xyz: xyz * [1, 2, 1] + [1, 0, 0], include_z=True)
    assert shapely.equals_identical(moved, expected).all()


@pytest.mark.parametrize(("dims", "suffix"), [(0, ""), (1, " Z"), (2, " M"), (3, " ZM")])
def test_dimensions_are_added_and_dropped(dims: int, suffix: str) -> None:
    layout = Layout(wkb_of(["POINT ZM (1 2 3 4)", "LINESTRING M (1 2 3, 4 5 6)", "POLYGON EMPTY"]))
    column = resized(layout, np.full(3, dims), missing=(-1.0, -2.0))
    rest = {0: ["", "", ""], 1: [" 3", " -1", " -1"], 2: [" 4", " 3", " 6"], 3: [" 3 4", " -1 3", " -1 6"]}[
        dims
    ]

    assert [shapely.from_wkb(each).wkt for each in column.to_pylist()] == [
        f"POINT{suffix} (1 2{rest[0]})",
        f"LINESTRING{suffix} (1 2{rest[1]}, 4 5{rest[2]})",
        f"POLYGON{suffix} EMPTY",
    ]


@pytest.mark.parametrize("byte_order", [0, 1])
@pytest.mark.parametrize("flavor", ["iso", "extended"])
def test_every_flavour_becomes_little_endian_iso(byte_order: int, flavor: str) -> None:
    given = shapely.from_wkt(["POINT Z (1 2 3)", "POLYGON ((0 0, 1 0, 1 1, 0 0))"])
    column = pa.array(
        shapely.to_wkb(given, byte_order=byte_order, flavor=flavor, output_dimension=4), pa.binary()
    )

    assert canonical(column).equals(wkb_of(list(given)))


def test_a_foreign_srid_is_dropped() -> None:
    point = shapely.set_srid(shapely.Point(1, 2), 4326)
    column = pa.array([shapely.to_wkb(point, include_srid=True, flavor="extended")], pa.binary())

    assert canonical(column).equals(wkb_of(["POINT (1 2)"]))


@pytest.mark.parametrize("depth", [10, 100_000])
def test_collections_of_any_depth_are_walked(depth: int) -> None:
    wkb = struct.pack("<BII", 1, 7, 1) * depth + struct.pack("<BI2d", 1, 1, 1.0, 2.0)
    layout = Layout(pa.array([wkb], pa.binary()))

    assert layout.is_readable.all()
    assert [each.tolist() for each in layout.xy] == [[1.0], [2.0]]
