"""HTTP in, working URLs out: a vector file and a raster through the whole platform."""

from pathlib import Path
from typing import Any

import morecantile
import pytest
import rasterio
from rasterio.io import MemoryFile
from shapely.geometry import Point

from tests.acceptance.hub import Hub
from tests.rasters import rgb
from tests.vectors import geojson, shapefile_parts, write_geopackage, zipped_shapefile
from tools.cli.demo_sources import without_georeference

PLACES = [Point(12.5, 41.9), Point(-0.1, 51.5), Point(139.7, 35.7)]


def _source(kind: str, folder: Path) -> bytes:
    if kind == "places.geojson":
        return geojson(PLACES)
    if kind == "places.gpkg":
        return write_geopackage(folder / "places.gpkg", PLACES).read_bytes()
    return zipped_shapefile(shapefile_parts(folder, PLACES))


@pytest.mark.parametrize("kind", ["places.gpkg", "places.geojson", "places.zip"])
def test_a_vector_file_becomes_features_tiles_and_a_catalogue_entry(
    hub: Hub, kind: str, tmp_path: Path
) -> None:
    status = hub.publish("vector", hub.upload(kind, _source(kind, tmp_path)))
    endpoints = status["endpoints"]
    assert status["api_endpoints"] == endpoints
    assert status["data_characteristics"]["feature_count"] == 3

    items = hub.get(endpoints["items"], params={"limit": 2}).json()
    assert (items["numberMatched"], items["numberReturned"]) == (3, 2)
    rome = hub.get(endpoints["items"], params={"bbox": "12,41,13,42"}).json()
    assert [feature["geometry"]["type"] for feature in rome["features"]] == ["Point"]

    tile = hub.get(endpoints["vector_tiles"].format(z=0, x=0, y=0))
    assert tile.headers["Content-Type"].startswith("application/vnd.mapbox-vector-tile")
    assert len(tile.content) > 20
    assert hub.get(endpoints["tilejson"]).json()["tiles"]

    download = hub.get(endpoints["download"]).json()
    assert (download["type"], len(download["features"])) == ("FeatureCollection", 3)
    _assert_catalogued(hub, status)


def test_a_raster_becomes_tiles_values_and_a_catalogue_entry(hub: Hub, tmp_path: Path) -> None:
    source = rgb(tmp_path / "image.tif")
    status = hub.publish("raster", hub.upload("image.tif", source.read_bytes()))
    endpoints = status["endpoints"]

    info = hub.get(endpoints["info"]).json()
    with rasterio.open(source) as original:
        assert (info["count"], info["width"], info["height"]) == (3, original.width, original.height)
    tilejson = hub.get(endpoints["tilejson"]).json()
    lon, lat, zoom = tilejson["center"][0], tilejson["center"][1], int(tilejson["minzoom"])
    x, y = _tile_of(lon, lat, zoom)
    tile = hub.get(endpoints["tiles"].format(z=zoom, x=x, y=y))
    assert tile.headers["Content-Type"] == "image/png"
    with without_georeference(), MemoryFile(tile.content) as memory, memory.open() as image:
        assert image.read().any()
    assert hub.get(endpoints["preview"]).content.startswith(b"\x89PNG")
    assert len(hub.get(endpoints["point"].format(lon=lon, lat=lat)).json()["values"]) == 3

    whole = hub.get(endpoints["download"])
    with MemoryFile(whole.content) as memory, memory.open() as cog, rasterio.open(source) as original:
        assert (cog.read() == original.read()).all()
        assert cog.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    _assert_catalogued(hub, status)


def _assert_catalogued(hub: Hub, status: dict[str, Any]) -> None:
    item = hub.get(status["endpoints"]["stac_item"]).json()
    assert item["id"] == status["stac_metadata"]["id"]
    assert item["properties"]["ddh:dataset_id"] == status["identifiers"]["dataset_id"]
    assert hub.get(status["endpoints"]["stac_collection"]).json()["id"] == item["collection"]
    found = hub.get(f"{hub.base_url}/api/stac/search", params={"ids": item["id"]}).json()
    assert [feature["id"] for feature in found["features"]] == [item["id"]]


def _tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    tile = morecantile.tms.get("WebMercatorQuad").tile(lon, lat, zoom)
    return tile.x, tile.y
