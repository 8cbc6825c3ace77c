"""Rasters from a file to what is seen of them: tiles, values, legends, downloads."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rio_tiler.io import Reader

from tests.acceptance.hub import Hub, problem
from tests.rasters import write_geotiff

pytestmark = pytest.mark.filterwarnings("ignore:The dataset has no Overviews")
MERCATOR = "WebMercatorQuad"


@pytest.fixture(scope="module")
def single(hub: Hub, hills: Path) -> dict[str, Any]:
    """Published as one COG, with low zooms drawn in advance and a product."""
    return hub.publish(
        "raster",
        hub.upload("hills.tif", hills.read_bytes()),
        processing_config={"generate_tile_cache": True, "products": ["hillshade"]},
    )


@pytest.fixture(scope="module")
def mosaic(hub: Hub, hills: Path) -> dict[str, Any]:
    """Published as a mosaic of tiles of 256 pixels."""
    return hub.publish(
        "large_raster",
        hub.upload("hills.tif", hills.read_bytes()),
        processing_config={"tile_size": 256, "blocksize": 256},
    )


def tile_url(status: dict[str, Any], z: int, x: int, y: int, ending: str = ".png") -> str:
    url: str = status["endpoints"]["tiles"]
    return url.format(z=z, x=x, y=y).replace(".png", ending)


def maximum(hub: Hub, status: dict[str, Any]) -> int:
    return int(hub.get(status["endpoints"]["tilejson"]).json()["maxzoom"])


@pytest.mark.parametrize("kind", ["single", "mosaic"])
def test_tiles_have_the_pixels_of_the_source(
    hub: Hub, hills: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    status = request.getfixturevalue(kind)
    zoom = maximum(hub, status) + 1
    with Reader(str(hills)) as source:
        west, south, east, north = source.get_geographic_bounds(source.tms.rasterio_geographic_crs)
        for share in (0.2, 0.37, 0.5, 0.8):
            place = source.tms.tile(west + share * (east - west), south + share * (north - south), zoom)
            expected = source.tile(place.x, place.y, zoom)
            answer = hub.get(
                tile_url(status, zoom, place.x, place.y, ".npy"), params={"reproject": "nearest"}
            )
            found = np.load(io.BytesIO(answer.content))
            np.testing.assert_array_equal(found[-1] > 0, ~expected.array.mask[0])
            seen = found[-1] > 0
            np.testing.assert_array_equal(found[0][seen], expected.data[0][seen])


@pytest.mark.parametrize("kind", ["single", "mosaic"])
def test_the_first_look_is_a_coloured_picture(hub: Hub, kind: str, request: pytest.FixtureRequest) -> None:
    status = request.getfixturevalue(kind)
    for z, x, y in ((8, 134, 90), (10, 537, 360)):
        picture = Image.open(io.BytesIO(hub.get(tile_url(status, z, x, y)).content)).convert("RGBA")
        pixels = np.asarray(picture).reshape(-1, 4)
        shown = pixels[pixels[:, 3] > 0]
        assert len(shown) > 0
        assert (np.ptp(shown[:, :3].astype(int), axis=1) > 10).any()
    assert hub.get(status["endpoints"]["legend"]).headers["Content-Type"] == "image/png"


def test_values_at_a_place_agree(hub: Hub, single: dict[str, Any], mosaic: dict[str, Any]) -> None:
    place = {"lon": 9.03, "lat": 46.96}
    one, other = (hub.get(status["endpoints"]["point"].format(**place)).json() for status in (single, mosaic))
    assert one["values"] == other["values"]
    assert one["values"][0] is not None


def test_low_zooms_are_there_as_a_file(hub: Hub, single: dict[str, Any]) -> None:
    answer = hub.get(single["endpoints"]["tile_cache"])
    assert answer.content[:7] == b"PMTiles"
    assert single["data_characteristics"]["tile_cache"]["minzoom"] == 0


def test_products_and_parts_can_be_downloaded(
    hub: Hub, single: dict[str, Any], mosaic: dict[str, Any], tmp_path: Path
) -> None:
    shade = hub.get(single["endpoints"]["hillshade"])
    assert shade.headers["Content-Disposition"].endswith('_hillshade.tif"')
    document = hub.get(mosaic["endpoints"]["mosaicjson"]).json()
    urls = sorted({url for urls in document["tiles"].values() for url in urls})
    assert len(urls) == mosaic["data_characteristics"]["part_count"]
    width = 0
    for url in urls:
        (tmp_path / "part.tif").write_bytes(hub.get(url).content)
        with rasterio.open(tmp_path / "part.tif") as part:
            width += part.width * part.height
    assert width == 700 * 600
    head = hub.get(urls[0], headers={"Range": "bytes=0-3"})
    assert (head.status_code, head.content) == (206, b"II*\x00")
    problem(hub.get(urls[0].replace(".tif", "x.tif")), status=404, code="FILE_NOT_FOUND")


def test_the_page_shows_both(hub: Hub, single: dict[str, Any], mosaic: dict[str, Any]) -> None:
    for status in (single, mosaic):
        page = hub.get(status["endpoints"]["map"]).text
        assert status["endpoints"]["tilejson"] in page
        assert "title=false" in page


@pytest.mark.parametrize("kind", ["raster", "large_raster", "raster_collection"])
def test_named_classes_reach_the_legend_and_the_catalogue(hub: Hub, kind: str, tmp_path: Path) -> None:
    path = write_geotiff(tmp_path / "cover.tif", width=300, height=300, dtype="uint8", nodata=0)
    options = {"class_names": {"1": "open water", "2": "forest"}}
    source = hub.upload("cover.tif", path.read_bytes())
    if kind == "raster_collection":
        source = source.replace("cover.tif", "*.tif")
    status = hub.publish(kind, source, processing_config=options)
    collection = hub.get(status["endpoints"]["stac_collection"]).json()
    document = collection if "item_assets" in collection else hub.get(status["endpoints"]["stac_item"]).json()
    (band,) = (document.get("item_assets") or document["assets"])["data"]["raster:bands"]
    assert [each.get("title") for each in band["classification:classes"]][:3] == [
        "open water",
        "forest",
        None,
    ]
    page = hub.get(status["endpoints"]["map"]).text
    assert "open water" in page
    assert hub.get(status["endpoints"]["legend"]).headers["Content-Type"] == "image/png"
