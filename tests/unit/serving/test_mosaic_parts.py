"""Which parts of a mosaic a request touches, and whether they can be read as one raster."""

from collections.abc import Mapping
from typing import Any

import pytest
from rasterio.transform import Affine

from triggers.serving.reading.mosaic import Bounds, Grid, Mosaic, Part
from triggers.serving.reading.mosaic_vrt import overview_factors, vrt_of
from triggers.serving.reading.open_rasters import OpenRasters

GRID = Affine(10, 0, 1000, 0, -10, 9000)


def part(name: str, column: float, row: float, **changes: Any) -> Part:
    values: dict[str, Any] = {
        "name": name,
        "uri": f"azure://silver/{name}.tif",
        "path": f"/vsiaz/silver/{name}&.tif",
        "size_bytes": 1,
        "width": 100,
        "height": 100,
        "crs": "EPSG:32632",
        "transform": GRID @ Affine.translation(column, row),
        "bbox": (column / 100, -row / 100 - 1, column / 100 + 1, -row / 100),
    } | changes
    return Part(**values)


def mosaic(*parts: Part, **changes: Any) -> Mosaic:
    grid: Mapping[str, Any] = {
        "width": 300,
        "height": 200,
        "crs": "EPSG:32632",
        "transform": GRID,
        "bounds": (1000, 7000, 4000, 9000),
        "dtypes": ("uint8",),
        "colors": ("gray",),
        "descriptions": (None,),
        "nodata": None,
    } | changes
    return Mosaic(
        grid=Grid(**grid), parts=parts, minzoom=10, maxzoom=12, overview_path=None, overview_resolution=None,
        is_smooth=True, rasters=OpenRasters(),
    )  # fmt: skip


FOUR = (part("a", 0, 0), part("b", 100, 0), part("c", 200, 0), part("d", 0, 100))


@pytest.mark.parametrize(
    ("window", "names"),
    [
        ((0, 0, 10, 10), "a"),
        ((90, 90, 110, 110), "abd"),
        ((100, 0, 200, 100), "b"),
        ((-50, -50, 0, 0), ""),
        ((0, 0, 300, 200), "abcd"),
    ],
)
def test_parts_are_found_by_pixels(window: Bounds, names: str) -> None:
    assert "".join(found.name for found in mosaic(*FOUR).parts_in_window(window)) == names


@pytest.mark.parametrize(
    ("bbox", "names"),
    [((0.1, -0.5, 0.2, -0.4), "a"), ((0.5, -1.5, 1.5, -0.5), "abd"), ((179, -1, -179, 1), "x")],
)
def test_parts_are_found_by_place(bbox: Bounds, names: str) -> None:
    beyond = part("x", 0, 0, bbox=(179.5, -1, 179.9, 1))
    found = mosaic(*FOUR, beyond).parts_in_bbox(bbox)
    assert "".join(found.name for found in found) == names


def test_a_part_across_the_antimeridian_is_found_on_both_sides() -> None:
    crossing = mosaic(part("x", 0, 0, bbox=(179, -1, -179, 1)))
    for west, east in ((179.2, 179.4), (-179.4, -179.2)):
        assert [found.name for found in crossing.parts_in_bbox((west, 0, east, 0.5))] == ["x"]


@pytest.mark.parametrize(
    ("odd", "is_regular"),
    [
        ({}, True),
        ({"crs": "EPSG:32633"}, False),
        ({"transform": GRID @ Affine.translation(100.5, 0)}, False),
        ({"transform": GRID @ Affine.scale(2)}, False),
        ({"transform": GRID @ Affine.translation(100.0000001, 0)}, True),
    ],
)
def test_parts_in_one_grid_are_read_as_one(odd: dict[str, Any], is_regular: bool) -> None:
    assert mosaic(FOUR[0], part("b", 100, 0, **odd)).is_regular is is_regular


def test_only_parts_that_overlap_are_composed() -> None:
    """Composing is slower, and needed where one shows through another alone."""
    assert "ComplexSource" not in vrt_of(mosaic(*FOUR), FOUR)
    over = (FOUR[0], part("e", 50, 50))
    composed = vrt_of(mosaic(*over, nodata=0), over)
    assert composed.count("<NODATA>0</NODATA>") == 2
    assert composed.index("/e&amp;.tif") < composed.index("/a&amp;.tif")  # the later source lies on top


def test_names_are_text_in_the_xml() -> None:
    hostile = part("a", 0, 0, path="/vsiaz/silver/</SourceFilename><x>.tif")
    xml = vrt_of(mosaic(hostile), [hostile])
    assert "<x>" not in xml
    assert "&lt;x&gt;" in xml


def test_overviews_are_those_of_the_whole() -> None:
    grid = mosaic(width=5000, height=300).grid
    assert overview_factors(grid) == [2, 4, 8, 16, 32]
