"""The STAC item of a COG, judged by pystac and by stac-pydantic."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pystac
import pytest
from pydantic import ValidationError
from rasterio.transform import from_origin
from shapely.geometry import box, shape
from stac_pydantic import Collection, Item

from core.task_models.raster import CreateCogParameters, ProcessRasterResult, StacRasterParameters
from services.raster.cog import create_cog
from services.stac.items_raster import extract_stac_metadata, raster_item
from tests import rasters
from tests.blobs import DirectoryBlobStore, surroundings

BASE = "https://geo.example.org/api"
HREFS = {
    "info": f"{BASE}/cog/info?dataset=d_1",
    "tiles": f"{BASE}/cog/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png?dataset=d_1",
    "tilejson": f"{BASE}/cog/WebMercatorQuad/tilejson.json?dataset=d_1",
    "preview": f"{BASE}/cog/preview.png?dataset=d_1",
    "download": f"{BASE}/platform/data/abc/download",
    "map": "https://geo.example.org/?dataset=d_1",
}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def processed(tmp_path: Path, source: Path) -> ProcessRasterResult:
    storage = DirectoryBlobStore(tmp_path / "blobs")
    uri = storage.put("azure://bronze/a.tif", source.read_bytes()).uri
    context = surroundings(tmp_path / "work", storage).context
    return create_cog(CreateCogParameters(source_uri=uri, target_prefix="azure://silver/r"), context).cog


def parameters(summary: ProcessRasterResult, **changes: Any) -> StacRasterParameters:
    """As they come out of the database: JSON."""
    content = {
        "item_id": "d_1",
        "collection_id": "ddh_rasters",
        "collection_title": "Rasters",
        "identifiers": {"dataset_id": "aerial", "resource_id": "site", "version_id": "v1"},
        "title": "Aerial image",
        "summary": summary.model_dump(mode="json"),
        "hrefs": HREFS,
    }
    return StacRasterParameters.model_validate_json(json.dumps(content | changes))


@pytest.fixture
def rgb(tmp_path: Path) -> ProcessRasterResult:
    return processed(tmp_path, rasters.rgb(tmp_path / "a.tif", nodata=0))


def assert_valid(item: dict[str, Any]) -> None:
    """By two models of STAC that are not ours; and it is JSON, so no NaN."""
    json.dumps(item, allow_nan=False)
    parsed = pystac.Item.from_dict(item, preserve_dict=True)
    assert parsed.id == item["id"]
    Item.model_validate(item)


def test_the_documents_are_valid(rgb: ProcessRasterResult, tmp_path: Path) -> None:
    context = surroundings(tmp_path / "w", DirectoryBlobStore(tmp_path)).context
    result = extract_stac_metadata(parameters(rgb), context)
    assert_valid(result.item)
    collection = pystac.Collection.from_dict(result.collection, preserve_dict=True)
    assert collection.id == result.item["collection"] == "ddh_rasters"
    Collection.model_validate(result.collection)
    assert result.collection["extent"]["spatial"]["bbox"] == [[-180, -90, 180, 90]]


def test_the_projection_is_told_in_both_spellings(rgb: ProcessRasterResult) -> None:
    properties = raster_item(parameters(rgb), now=NOW)["properties"]
    assert properties["proj:epsg"] == 32633
    assert properties["proj:code"] == "EPSG:32633"
    assert properties["proj:shape"] == [48, 64]
    assert properties["proj:transform"] == [10, 0, 500_000, 0, -10, 5_300_000]
    assert properties["proj:bbox"] == [500_000, 5_299_520, 500_640, 5_300_000]


def test_a_crs_without_a_code_is_told_in_full(tmp_path: Path) -> None:
    laea = "+proj=laea +lat_0=10 +lon_0=15 +x_0=0 +y_0=0 +ellps=GRS80"
    summary = processed(tmp_path, rasters.write_geotiff(tmp_path / "a.tif", crs=laea))
    item = raster_item(parameters(summary), now=NOW)
    assert_valid(item)
    assert item["properties"]["proj:code"] is None
    assert item["properties"]["proj:epsg"] is None
    assert item["properties"]["proj:wkt2"].startswith("PROJCRS[")


def test_the_data_asset(rgb: ProcessRasterResult) -> None:
    data = raster_item(parameters(rgb), now=NOW)["assets"]["data"]
    assert data["roles"] == ["data"]
    assert data["type"] == pystac.MediaType.COG.value
    assert data["href"] == HREFS["download"]
    assert data["file:checksum"] == "1220" + rgb.sha256
    assert data["file:size"] == rgb.size_bytes
    assert [band["common_name"] for band in data["eo:bands"]] == ["red", "green", "blue"]
    first = data["raster:bands"][0]
    assert (first["data_type"], first["nodata"], first["spatial_resolution"]) == ("uint8", 0, 10)
    assert first["statistics"]["minimum"] == rgb.statistics[0].min


def test_a_band_of_measurements_has_no_colours(tmp_path: Path) -> None:
    summary = processed(
        tmp_path, rasters.write_geotiff(tmp_path / "a.tif", dtype="float32", nodata=float("nan"))
    )
    item = raster_item(parameters(summary), now=NOW)
    assert_valid(item)
    assert "eo:bands" not in item["assets"]["data"]
    assert not any("/eo/" in extension for extension in item["stac_extensions"])
    assert item["assets"]["data"]["raster:bands"][0]["nodata"] == "nan"


def test_all_urls_are_told(rgb: ProcessRasterResult) -> None:
    item = raster_item(parameters(rgb), now=NOW)
    told = {link["href"] for link in item["links"]} | {asset["href"] for asset in item["assets"].values()}
    assert set(HREFS.values()) <= told


def test_the_clients_names(rgb: ProcessRasterResult) -> None:
    properties = raster_item(parameters(rgb), now=NOW)["properties"]
    assert properties["ddh:dataset_id"] == "aerial"
    assert properties["ddh:version_id"] == "v1"
    assert properties["title"] == "Aerial image"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"datetime": "2026-01-02T03:04:05Z", "ddh:datetime_source": "cataloguing"}),
        (
            {"datetime": "2024-05-06T12:00:00+02:00"},
            {"datetime": "2024-05-06T10:00:00Z", "ddh:datetime_source": "client"},
        ),
        (
            {"start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-12-31T00:00:00Z"},
            {
                "datetime": None,
                "start_datetime": "2024-01-01T00:00:00Z",
                "end_datetime": "2024-12-31T00:00:00Z",
                "ddh:datetime_source": "client",
            },
        ),
    ],
)
def test_time(rgb: ProcessRasterResult, given: dict[str, str], expected: dict[str, str]) -> None:
    item = raster_item(parameters(rgb, **given), now=NOW)
    assert_valid(item)
    assert expected.items() <= item["properties"].items()


@pytest.mark.parametrize(
    "given",
    [
        {"datetime": "2024-05-06T12:00:00"},
        {"start_datetime": "2024-01-01T00:00:00Z"},
        {"start_datetime": "2024-01-02T00:00:00Z", "end_datetime": "2024-01-01T00:00:00Z"},
    ],
)
def test_times_without_zone_and_half_intervals_are_refused(
    rgb: ProcessRasterResult, given: dict[str, str]
) -> None:
    with pytest.raises(ValidationError):
        parameters(rgb, **given)


@pytest.mark.parametrize("make", [rasters.write_geotiff, rasters.rotated])
def test_the_footprint_fills_the_bbox(tmp_path: Path, make: Any) -> None:
    summary = processed(tmp_path, make(tmp_path / "a.tif"))
    item = raster_item(parameters(summary), now=NOW)
    footprint = shape(item["geometry"])
    assert footprint.is_valid
    assert footprint.exterior.is_ccw
    assert box(*item["bbox"]).buffer(1e-6).contains(footprint)
    coverage = footprint.area / box(*item["bbox"]).area
    assert (0.4 < coverage < 0.7) == (make is rasters.rotated)
    assert coverage > 0.4


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"crs": "EPSG:3460", "transform": from_origin(1_900_000, 4_100_000, 10_000, 10_000)}, 2),
        (
            {"crs": "EPSG:4326", "width": 73, "height": 37, "transform": from_origin(-182, 92, 5, 5)},
            1,
        ),
        ({"crs": "EPSG:3031", "transform": from_origin(-640_000, 480_000, 20_000, 20_000)}, 1),
    ],
    ids=["antimeridian", "globe", "south-pole"],
)  # fmt: skip
def test_footprints_at_the_edges_of_the_map(tmp_path: Path, options: dict[str, Any], parts: int) -> None:
    summary = processed(tmp_path, rasters.write_geotiff(tmp_path / "a.tif", **options))
    item = raster_item(parameters(summary), now=NOW)
    assert_valid(item)
    footprint = shape(item["geometry"])
    assert footprint.is_valid
    assert len(getattr(footprint, "geoms", [footprint])) == parts
    west, south, east, north = footprint.bounds
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
