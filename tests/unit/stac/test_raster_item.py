"""The STAC item of a COG."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pystac
import pytest
from pydantic import ValidationError
from rasterio.transform import from_origin

from core.task_models.raster import LegendEntry, Rendering
from core.task_models.raster_terrain import TerrainProduct
from core.task_models.raster_tile_cache import GenerateTileCacheResult
from services.stac.elements import CLASSIFICATION
from services.stac.items_raster import extract_stac_metadata, raster_item
from tests.blobs import DirectoryBlobStore, surroundings
from tests.unit.stac import summaries
from tests.unit.stac.judges import assert_valid

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LAEA = "+proj=laea +lat_0=10 +lon_0=15 +x_0=0 +y_0=0 +ellps=GRS80"


def item(summary: Any = None, **changes: Any) -> dict[str, Any]:
    return raster_item(summaries.raster_parameters(summary or summaries.rgb(), **changes), now=NOW)


def test_the_documents_are_valid(tmp_path: Path) -> None:
    context = surroundings(tmp_path / "w", DirectoryBlobStore(tmp_path)).context
    result = extract_stac_metadata(summaries.raster_parameters(summaries.rgb()), context)
    assert_valid(result.item)
    assert_valid(result.collection | {"stac_extensions": []})
    assert result.collection["id"] == result.item["collection"] == "ddh_rasters"
    assert result.collection["extent"]["spatial"]["bbox"] == [[-180, -90, 180, 90]]


@pytest.mark.parametrize(
    "summary",
    [
        summaries.cog(),
        summaries.cog(measured=False),
        summaries.cog(dtype="float32", nodata="nan"),
        summaries.cog(dtype="int16", nodata=-32768, crs="EPSG:4326", transform=from_origin(5, 50, 0.1, 0.1)),
        summaries.cog(rendering=Rendering(colormap={1: (0, 0, 0, 255)}, legend=(
            LegendEntry(value=1, color=(0, 0, 0, 255)),
        ))),
        summaries.rgb(dtype="uint16"),
        summaries.cog().model_copy(update={"statistics": (summaries.statistics(5, 5, buckets=(9,)),)}),
        summaries.cog(bands=5, dtype="uint16", names=("B02", "B03", "B04", None, None)),
    ],
    ids=["plain", "unmeasured", "nan", "degrees", "classes", "rgb", "constant", "bands"],
)  # fmt: skip
def test_every_kind_of_raster_gives_a_valid_item(summary: Any) -> None:
    assert_valid(item(summary))


def test_classes_that_have_names_are_told_with_their_band() -> None:
    legend = (
        LegendEntry(value=1, color=(0, 99, 255, 255), label="Gewässer & Moor"),
        LegendEntry(value=2, color=(9, 9, 9, 255)),
        LegendEntry(value=3, color=(1, 2, 3, 255), label="水"),
    )
    look = Rendering(colormap={int(each.value): each.color for each in legend}, legend=legend)
    described = item(summaries.cog(rendering=look))
    assert_valid(described)
    assert CLASSIFICATION in described["stac_extensions"]
    (band,) = described["assets"]["data"]["raster:bands"]
    assert band["classification:classes"] == [
        {"value": 1, "name": "gewasser_moor", "title": "Gewässer & Moor", "color_hint": "0063FF"},
        {"value": 2, "name": "class_2", "color_hint": "090909"},
        {"value": 3, "name": "class_3", "title": "水", "color_hint": "010203"},
    ]


def test_classes_without_names_are_left_to_the_colormap() -> None:
    legend = (LegendEntry(value=1, color=(0, 0, 0, 255)),)
    described = item(summaries.cog(rendering=Rendering(colormap={1: (0, 0, 0, 255)}, legend=legend)))
    assert CLASSIFICATION not in described["stac_extensions"]


def test_the_projection_is_told_in_both_spellings() -> None:
    properties = item()["properties"]
    assert properties["proj:epsg"] == 32633
    assert properties["proj:code"] == "EPSG:32633"
    assert properties["proj:shape"] == [48, 64]
    assert properties["proj:transform"] == [10, 0, 500_000, 0, -10, 5_300_000]
    assert properties["proj:bbox"] == [500_000, 5_299_520, 500_640, 5_300_000]


def test_a_crs_without_a_code_is_told_in_full() -> None:
    from rasterio.crs import CRS

    wkt = CRS.from_user_input(LAEA).to_wkt(version="WKT2_2019")
    described = item(summaries.cog(crs=wkt))
    assert_valid(described)
    assert described["properties"]["proj:code"] is None
    assert described["properties"]["proj:epsg"] is None
    assert described["properties"]["proj:wkt2"].startswith("PROJCRS[")


def test_the_data_asset() -> None:
    rgb = summaries.rgb()
    data = item(rgb)["assets"]["data"]
    assert data["roles"] == ["data"]
    assert data["type"] == pystac.MediaType.COG.value
    assert data["href"] == summaries.HREFS["download"]
    assert data["file:checksum"] == "1220" + rgb.sha256
    assert data["file:size"] == rgb.size_bytes
    assert [band["common_name"] for band in data["eo:bands"]] == ["red", "green", "blue"]
    first = data["raster:bands"][0]
    assert (first["data_type"], first["nodata"], first["spatial_resolution"]) == ("uint8", 0, 10)
    assert first["statistics"]["minimum"] == 1
    assert first["histogram"] == {"count": 4, "min": 1, "max": 9, "buckets": [3, 0, 0, 4]}


@pytest.mark.parametrize(
    ("of", "metres"),
    [
        ({}, 10),
        ({"crs": "EPSG:2263", "transform": from_origin(1_000_000, 200_000, 10, 10)}, 3.048006),
        ({"crs": "EPSG:4326", "transform": from_origin(10, 60.024, 0.001, 0.001)}, (55.80 + 111.41) / 2),
    ],
    ids=["metres", "feet", "degrees"],
)
def test_the_resolution_is_told_in_metres(of: dict[str, Any], metres: float) -> None:
    (band,) = item(summaries.cog(**of))["assets"]["data"]["raster:bands"]
    assert band["spatial_resolution"] == pytest.approx(metres, rel=1e-4)


def test_a_band_of_measurements_has_no_colours() -> None:
    described = item(summaries.cog(dtype="float32", nodata="nan"))
    assert "eo:bands" not in described["assets"]["data"]
    assert not any("/eo/" in extension for extension in described["stac_extensions"])
    assert described["assets"]["data"]["raster:bands"][0]["nodata"] == "nan"


def test_the_default_look_is_told() -> None:
    look = Rendering(bidx=(2,), rescale=((-5, 5),), colormap_name="rdbu_r", resampling="bilinear")
    described = item(summaries.cog(rendering=look, bands=2))
    assert described["properties"]["renders"]["default"] == {
        "assets": ["data"],
        "title": "Default",
        "bidx": [2],
        "rescale": [[-5, 5]],
        "colormap_name": "rdbu_r",
        "resampling": "bilinear",
    }
    (tiles,) = (link for link in described["links"] if link["rel"] == "xyz")
    assert tiles["render"] == "default"


def test_classes_are_told_by_value() -> None:
    look = Rendering(colormap={-1: (1, 2, 3, 255), 7: (4, 5, 6, 0)})
    render = item(summaries.cog(rendering=look))["properties"]["renders"]["default"]
    assert render["colormap"] == {"-1": [1, 2, 3, 255], "7": [4, 5, 6, 0]}
    assert "rescale" not in render


def test_all_urls_are_told() -> None:
    described = item()
    assets = {asset["href"] for asset in described["assets"].values()}
    assert set(summaries.HREFS.values()) <= {link["href"] for link in described["links"]} | assets


def test_what_was_derived_is_told_where_it_has_a_url() -> None:
    product = {
        "blob_uri": "azure://silver/x",
        "size_bytes": 5,
        "sha256": summaries.SHA256,
        "media_type": "image/tiff; application=geotiff; profile=cloud-optimized",
    }
    slope = TerrainProduct(name="slope", unit="degree", rendering=Rendering(), **product)
    contours = TerrainProduct(name="contours", **product)
    cache = GenerateTileCacheResult(
        tile_cache_uri="azure://silver/t.pmtiles", size_bytes=7, sha256=summaries.SHA256, minzoom=0,
        maxzoom=9, tile_count=3, format="png", bbox=(0, 0, 1, 1),
    )  # fmt: skip
    hrefs = summaries.HREFS | {
        "tile_cache": "https://geo.example.org/t.pmtiles",
        "products": {"slope": "https://geo.example.org/slope.tif"},
    }
    described = item(
        hrefs=hrefs,
        tile_cache=cache.model_dump(mode="json"),
        products=[slope.model_dump(mode="json"), contours.model_dump(mode="json")],
    )
    assert_valid(described)
    assert described["assets"]["slope"]["raster:bands"] == [{"unit": "degree"}]
    assert described["assets"]["tile_cache"]["file:size"] == 7
    assert "contours" not in described["assets"]
    assert "pmtiles" in {link["rel"] for link in described["links"]}


def test_the_clients_names_and_the_class() -> None:
    properties = item()["properties"]
    assert properties["ddh:dataset_id"] == "aerial"
    assert properties["ddh:version_id"] == "v1"
    assert properties["ddh:classification"] == "rgb"
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
def test_time(given: dict[str, str], expected: dict[str, str]) -> None:
    described = item(**given)
    assert_valid(described)
    assert expected.items() <= described["properties"].items()


@pytest.mark.parametrize(
    "given",
    [
        {"datetime": "2024-05-06T12:00:00"},
        {"start_datetime": "2024-01-01T00:00:00Z"},
        {"start_datetime": "2024-01-02T00:00:00Z", "end_datetime": "2024-01-01T00:00:00Z"},
        {"license": "ask me"},
    ],
)
def test_times_without_zone_half_intervals_and_free_licences_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        summaries.raster_parameters(summaries.rgb(), **given)
