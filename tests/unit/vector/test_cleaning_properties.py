"""The cleaning, whatever comes: no row gets lost, and what is loaded is what the table says."""

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from core.task_models.vector import CleaningOptions
from services.vector import digest
from services.vector.cleaning import clean
from services.vector.cleaning.types import TableType, table_geometry_type, type_ids_of
from services.vector.cleaning.wkb import Layout
from tests.chunk_rows import chunk, cleaned, table_plan, wkb_loaded, wkb_of

_COORDINATE = st.integers(-10, 10).map(float) | st.floats(-185, 185) | st.sampled_from([180.0, -180.0, 400.0])
_LATITUDE = st.integers(-10, 10).map(float) | st.floats(-89, 89)
_OPTIONS = st.builds(
    CleaningOptions,
    null_geometry=st.sampled_from(["keep", "reject"]),
    empty_geometry=st.sampled_from(["keep", "reject"]),
    invalid_geometry=st.sampled_from(["repair", "reject", "keep"]),
    dimensions=st.sampled_from(["keep", "2d"]),
    geometry_collection=st.sampled_from(["keep", "extract"]),
    orientation=st.sampled_from(["rfc7946", "keep"]),
    antimeridian=st.sampled_from(["split", "keep"]),
)


@st.composite
def _coordinates(draw: st.DrawFn, least: int, most: int) -> list[tuple[float, ...]]:
    depth = draw(st.shared(st.sampled_from(["XY", "XYZ", "XYM", "XYZM"]), key="dimensions"))
    rest = st.floats(-1e6, 1e6)
    return [
        (draw(_COORDINATE), draw(_LATITUDE), *(draw(rest) for _ in depth[2:]))
        for _ in range(draw(st.integers(least, most)))
    ]


def _text(name: str, coordinates: list[tuple[float, ...]], depth: str) -> str:
    joined = ", ".join(" ".join(repr(number) for number in each) for each in coordinates)
    inner = f"({joined})" if name == "POLYGON" else joined
    return f"{name} {depth[2:]} ({inner})"


@st.composite
def _geometry(draw: st.DrawFn) -> str:
    depth = draw(st.shared(st.sampled_from(["XY", "XYZ", "XYM", "XYZM"]), key="dimensions"))
    name = draw(st.sampled_from(["POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "EMPTY", "COLLECTION"]))
    if name == "EMPTY":
        return draw(st.sampled_from(["POINT EMPTY", "MULTIPOLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY"]))
    if name == "COLLECTION":
        point = _text("POINT", draw(_coordinates(1, 1)), depth)
        line = _text("LINESTRING", draw(_coordinates(2, 4)), depth)
        return f"GEOMETRYCOLLECTION {depth[2:]} ({point}, {line})"
    if name == "POLYGON":
        ring = draw(_coordinates(3, 7))
        return _text(name, [*ring, ring[0]], depth)
    least, most = (1, 1) if name == "POINT" else (2, 5) if name == "LINESTRING" else (1, 4)
    return _text(name, draw(_coordinates(least, most)), depth)


def _one_byte_wrong(wkb: bytes, place: int, value: int) -> bytes:
    at = place % len(wkb)
    return wkb[:at] + bytes([value]) + wkb[at + 1 :]


_GIVEN = st.lists(st.none() | _geometry() | st.binary(max_size=40), max_size=12)


@settings(max_examples=100, deadline=None)
@given(given=_GIVEN, options=_OPTIONS)
def test_every_row_is_loaded_or_rejected_and_of_the_type_of_the_table(
    given: list[str | bytes | None], options: CleaningOptions
) -> None:
    rows = chunk(given)
    table = table_geometry_type(
        set(type_ids_of(rows.column("__wkb"), options=options).tolist()), options=options
    )
    result = clean(rows, plan=table_plan(table), options=options, duplicates=None)

    both = np.concatenate([result.loaded_rows, result.rejected_rows])
    assert sorted(both.tolist()) == list(range(len(given)))
    assert len(result.reasons) == len(result.details) == len(result.rejected_rows)
    assert result.loaded.column("fid").to_pylist() == (result.loaded_rows + 1).tolist()
    _check_loaded(wkb_loaded(result), table, options)
    _check_digests(rows, result.loaded_rows, result.rejected_rows)


def _check_loaded(loaded: list[bytes | None], table: str, options: CleaningOptions) -> None:
    column = pa.array([each for each in loaded if each is not None], pa.binary())
    layout = Layout(column)
    wanted = TableType.of(table)
    assert layout.is_readable.all()
    assert (layout.dims == wanted.dims).all()
    assert wanted.base == 0 or (layout.base == wanted.base).all()
    geometries = shapely.from_wkb(column.to_numpy(zero_copy_only=False))
    if options.invalid_geometry == "repair":
        assert shapely.is_valid(geometries).all()
    if options.antimeridian == "split" and options.invalid_geometry != "keep" and len(geometries):
        west, _, east, _ = shapely.bounds(geometries).T
        assert not (west < -180).any()
        assert not (east > 180).any()


def _check_digests(rows: pa.RecordBatch, loaded: np.ndarray, rejected: np.ndarray) -> None:
    parts = [digest.row_digests(rows.take(pa.array(each))) for each in (loaded, rejected)]
    assert digest.total(*(digest.sum_of(each) for each in parts)) == digest.total(
        digest.sum_of(digest.row_digests(rows))
    )


@settings(max_examples=100, deadline=None)
@given(given=_geometry(), place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_one_wrong_byte_is_survived(given: str, place: int, value: int) -> None:
    wkb = wkb_of([given])[0].as_py()
    result = cleaned([_one_byte_wrong(wkb, place, value), "POINT (1 1)"], "GeometryZM")

    assert 1 in result.loaded_rows


@settings(max_examples=100, deadline=None)
@given(
    coordinates=st.lists(st.tuples(st.floats(-20, 40), st.floats(35, 70)), min_size=1, max_size=40),
    target=st.sampled_from(["EPSG:3857", "EPSG:32633", "EPSG:3035"]),
)
def test_coordinates_are_those_of_proj(coordinates: list[tuple[float, float]], target: str) -> None:
    plan = table_plan("Point", target_crs=target, bbox=(-20, 35, 40, 70))
    result = cleaned([shapely.Point(each) for each in coordinates], plan=plan)

    transformer = Transformer.from_crs(4326, target, always_xy=True)
    expected = np.column_stack(transformer.transform(*np.array(coordinates).T))
    found = shapely.get_coordinates(shapely.from_wkb(wkb_loaded(result)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("wkt", ["POINT ZM (1 2 3 4)", "MULTILINESTRING Z ((0 0 1, 1 1 2), (5 5 3, 6 6 4))"])
def test_heights_and_measures_are_untouched_by_reprojection(wkt: str) -> None:
    table = "PointZM" if wkt.startswith("POINT") else "MultiLineStringZ"
    result = cleaned([wkt], plan=table_plan(table, target_crs="EPSG:3857"))

    given, found = (shapely.from_wkt(wkt), shapely.from_wkb(wkb_loaded(result)[0]))
    rest = [shapely.get_coordinates(each, include_z=True, include_m=True)[:, 2:] for each in (given, found)]
    np.testing.assert_array_equal(*rest)
