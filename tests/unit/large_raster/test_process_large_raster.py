"""The four stages: what they leave, what they leave out, and what they do when a tile fails."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from cogeo_mosaic.mosaic import MosaicJSON
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine
from rio_cogeo.cogeo import cog_validate
from shapely.geometry import shape
from shapely.ops import unary_union

from core.errors import PermanentTaskError, TaskCancelled
from core.task_models.raster_mosaic import MosaicResult
from core.task_models.raster_tiles import CreateTileCogParameters, ProcessLargeRasterParameters
from services.raster.tile_cog import create_tile_cog
from services.raster.tiling import tiling_scheme
from tests import rasters
from tests.blobs import surroundings
from tests.large_rasters import PREFIX, Workshop
from tests.unit.large_raster.test_seams import noise, plain

TILED: dict[str, Any] = {"tiled": True, "blockxsize": 256, "blockysize": 256}
RGB: dict[str, Any] = {"bands": 3, "photometric": "RGB", **TILED}


def document(workshop: Workshop, uri: str | None) -> dict[str, Any]:
    assert uri is not None
    return dict(json.loads(workshop.file(uri).read_text()))


def fail_at(*names: str) -> Any:
    """The tiles of these names cannot be converted."""

    def sabotage(task_type: str, key: str) -> None:
        if task_type == "create_tile_cog" and key in names:
            raise PermanentTaskError("a bad block", code="RASTER_UNREADABLE")

    return sabotage


def test_the_scheme_is_geojson_that_covers_the_raster(workshop: Workshop) -> None:
    source = plain(workshop.root / "a.tif", height=600, width=700, **RGB)
    result = workshop.large(source, tile_size=256)
    scheme = document(workshop, result.scheme_uri)
    outlines = [shape(feature["geometry"]) for feature in scheme["features"]]
    assert len(outlines) == 9
    west, south, east, north = unary_union(outlines).bounds
    assert (west, south, east, north) == pytest.approx(result.bbox, abs=1e-6)
    last = scheme["features"][-1]
    assert last["id"] == "r0002_c0002"
    assert last["properties"]["bounds"][2] == result.bounds[2]
    assert {"row", "column", "col_off", "row_off", "width", "height"} <= last["properties"].keys()
    assert (last["properties"]["width"], last["properties"]["height"]) == (700 - 512, 600 - 512)


def test_every_tile_is_a_cog_and_every_blob_was_announced_before(workshop: Workshop) -> None:
    result = workshop.large(plain(workshop.root / "a.tif", height=600, width=700, **RGB), tile_size=512)
    parts = workshop.parts(result)
    assert [part.name for part in parts] == ["r0000_c0000", "r0000_c0001", "r0001_c0000", "r0001_c0001"]
    for uri in [*(part.blob_uri for part in parts), str(result.overview_uri)]:
        assert cog_validate(workshop.file(uri), strict=True, quiet=True)[0]
    assert not any(existed for _, existed in workshop.announced)
    made = {blob.uri for blob in workshop.storage.list_blobs("silver")}
    assert made == {uri for uri, _ in workshop.announced}
    assert result.total_bytes == sum(workshop.file(part.blob_uri).stat().st_size for part in parts)


def test_only_what_is_published_is_not_temporary(workshop: Workshop) -> None:
    result = workshop.large(plain(workshop.root / "a.tif", **RGB), tile_size=256)
    published = {uri for uri, _ in workshop.announced} - set(workshop.temporary)
    assert published == {
        *(part.blob_uri for part in workshop.parts(result)),
        result.mosaic_uri,
        result.parts_uri,
        result.overview_uri,
        result.scheme_uri,
    }


def test_statistics_are_those_of_the_single_cog(workshop: Workshop) -> None:
    source = plain(workshop.root / "a.tif", height=600, width=700, nodata=60, **RGB)
    single, _ = workshop.single(source)
    result = workshop.large(source, tile_size=256)
    for merged, whole in zip(result.statistics, single.statistics, strict=True):
        assert (merged.min, merged.max) == (whole.min, whole.max)
        assert merged.mean == pytest.approx(whole.mean, rel=1e-12)
        assert merged.stddev == pytest.approx(whole.stddev, rel=1e-9)
        assert merged.valid_percent == pytest.approx(whole.valid_percent, rel=1e-12)
        assert (merged.percentiles, merged.histogram) == (whole.percentiles, whole.histogram)
    assert result.classification == single.classification
    assert result.rendering == single.rendering


def test_percentiles_of_16_bits_are_exact_however_the_values_lie(workshop: Workshop) -> None:
    """One wild value in a tile makes the buckets of its histogram wide."""
    data = noise(2, 600, 700, "uint16")
    data[:, ::200, ::200] = 65_000
    data[1, :300] += 4000
    source = rasters.write_geotiff(
        workshop.root / "a.tif",
        width=700,
        height=600,
        bands=2,
        dtype="uint16",
        data=data,
        nodata=int(data[0, 5, 5]),
        **TILED,
    )
    single, _ = workshop.single(source)
    result = workshop.large(source, tile_size=256)
    assert [band.percentiles for band in result.statistics] == [
        band.percentiles for band in single.statistics
    ]
    assert result.statistics == single.statistics


def test_overviews_meet_at_the_seams(workshop: Workshop) -> None:
    source = plain(workshop.root / "a.tif", height=1024, width=1536, **RGB)
    options = {"blocksize": 128}
    _, single = workshop.single(source, **options)
    result = workshop.large(source, tile_size=512, options=options)
    for level in (0, 1):
        with rasterio.open(single, overview_level=level) as whole:
            expected = whole.read()
        factor = 2 ** (level + 1)
        for part in workshop.parts(result):
            column, row = ~Affine(*result.transform) @ (part.transform[2], part.transform[5])
            left, top = round(column) // factor, round(row) // factor
            with rasterio.open(workshop.file(part.blob_uri), overview_level=level) as tile:
                found = tile.read()
            there = expected[:, top : top + found.shape[1], left : left + found.shape[2]]
            assert np.array_equal(found, there)


def test_the_mosaic_document_leads_to_the_parts(workshop: Workshop) -> None:
    result = workshop.large(plain(workshop.root / "a.tif", height=600, width=700, **RGB), tile_size=256)
    mosaic = MosaicJSON.model_validate(document(workshop, result.mosaic_uri))
    named = {asset for assets in mosaic.tiles.values() for asset in assets}
    assert named == {part.blob_uri for part in workshop.parts(result)}
    assert (mosaic.mosaicjson, mosaic.minzoom, mosaic.maxzoom) == ("0.0.3", result.minzoom, result.maxzoom)
    assert mosaic.bounds == pytest.approx(result.bbox, abs=1e-6)
    assert {len(quadkey) for quadkey in mosaic.tiles} == {mosaic.quadkey_zoom}
    assert mosaic.quadkey_zoom is not None
    assert result.minzoom <= mosaic.quadkey_zoom <= result.maxzoom


def test_tiles_that_were_never_written_are_not_converted(workshop: Workshop) -> None:
    path = workshop.root / "a.tif"
    data = noise(1, 256, 256, "int16")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=1024,
        height=512,
        count=1,
        dtype="int16",
        nodata=-1,
        crs="EPSG:32633",
        transform=rasters.UTM33_ORIGIN,
        SPARSE_OK=True,
        **TILED,
    ) as sparse:
        sparse.write(data, window=rasterio.windows.Window(0, 0, 256, 256))
        sparse.write(data, window=rasterio.windows.Window(768, 256, 256, 256))
    result = workshop.large(path, tile_size=256)
    assert workshop.ran.count("extract_tile") == 8
    assert workshop.ran.count("create_tile_cog") == 2
    assert [part.name for part in workshop.parts(result)] == ["r0000_c0000", "r0001_c0003"]
    assert result.missing_count == 0
    assert result.statistics[0].valid_percent == pytest.approx(100)
    assert (result.width, result.height) == (1024, 512)


def test_tiles_outside_of_a_reprojected_source_are_not_converted(workshop: Workshop) -> None:
    """A long raster across a zone, turned by 45 degrees, fills the diagonal of its grid."""
    turned = rasters.UTM33_ORIGIN @ Affine.rotation(45)
    source = plain(workshop.root / "a.tif", width=4096, height=256, transform=turned, **TILED)
    result = workshop.large(source, tile_size=1024, options={"target_crs": "EPSG:32632"})
    assert result.part_count < workshop.ran.count("create_tile_cog") + 1
    assert workshop.ran.count("create_tile_cog") < workshop.ran.count("extract_tile")


def test_a_tile_of_nodata_leaves_nothing_and_is_no_hole(workshop: Workshop) -> None:
    data = noise(1, 256, 768, "uint8")
    data[:, :, 256:512] = 0
    source = rasters.write_geotiff(
        workshop.root / "a.tif", width=768, height=256, data=data, nodata=0, **TILED
    )
    result = workshop.large(source, tile_size=256)
    assert [part.name for part in workshop.parts(result)] == ["r0000_c0000", "r0000_c0002"]
    assert (result.missing_count, result.missing, result.warnings) == (0, (), ())


def test_a_raster_without_data_is_refused(workshop: Workshop) -> None:
    source = rasters.write_geotiff(
        workshop.root / "a.tif", width=512, height=256, data=np.zeros((1, 256, 512), "uint8"), nodata=0
    )
    with pytest.raises(PermanentTaskError) as caught:
        workshop.large(source, tile_size=256)
    assert caught.value.code == "RASTER_EMPTY"


def test_failed_tiles_are_holes_with_a_name_a_reason_and_a_place(workshop: Workshop) -> None:
    source = plain(workshop.root / "a.tif", height=512, width=1024, **RGB)
    whole = workshop.large(source, tile_size=256)
    holed = workshop.large(
        source,
        tile_size=256,
        max_failed_fraction=0.25,
        sabotage=fail_at("r0000_c0001", "r0001_c0003"),
    )
    assert (holed.part_count, holed.missing_count) == (6, 2)
    assert [(part.name, part.code) for part in holed.missing] == [
        ("r0000_c0001", "RASTER_UNREADABLE"),
        ("r0001_c0003", "RASTER_UNREADABLE"),
    ]
    assert holed.missing[0].bbox == next(
        part.bbox for part in workshop.parts(whole) if part.name == "r0000_c0001"
    )
    assert [finding.code for finding in holed.findings if finding.severity == "warning"] == ["PARTS_MISSING"]
    assert (holed.width, holed.height, holed.bounds) == (whole.width, whole.height, whole.bounds)
    with rasterio.open(workshop.file(str(holed.overview_uri))) as overview:
        mask = overview.dataset_mask()
        column, row = (side * 3 // 8 for side in (overview.width, overview.height // 2))
        assert mask[row, column] == 0, "the hole is transparent, not black"
        assert mask[row, 0] == 255


def test_more_failures_than_allowed_fail_the_stage(workshop: Workshop) -> None:
    source = plain(workshop.root / "a.tif", height=512, width=1024, **RGB)
    with pytest.raises(PermanentTaskError) as caught:
        workshop.large(
            source, tile_size=256, max_failed_fraction=0.2, sabotage=fail_at("r0000_c0001", "r0001_c0003")
        )
    assert caught.value.code == "RASTER_UNREADABLE"


def test_when_every_tile_fails_there_is_no_mosaic(workshop: Workshop) -> None:
    source = plain(workshop.root / "a.tif", height=256, width=512, **RGB)
    with pytest.raises(PermanentTaskError) as caught:
        workshop.large(
            source, tile_size=256, max_failed_fraction=1, sabotage=fail_at("r0000_c0000", "r0000_c0001")
        )
    assert caught.value.code == "MOSAIC_EMPTY"


def test_lossy_tiles_have_a_mask_in_place_of_nodata(workshop: Workshop) -> None:
    data = noise(3, 400, 530, "uint8") // 2 + 10
    data[:, :100, :300] = 0
    source = rasters.write_geotiff(
        workshop.root / "a.tif",
        width=530,
        height=400,
        bands=3,
        data=data,
        nodata=0,
        photometric="RGB",
        **TILED,
    )
    options = {"cog_tier": "visualization"}
    single, _ = workshop.single(source, **options)
    result = workshop.large(source, tile_size=256, options=options)
    assert (result.nodata, result.color_interpretation) == (single.nodata, single.color_interpretation)
    assert result.nodata is None
    with rasterio.open(workshop.file(workshop.parts(result)[0].blob_uri)) as tile:
        assert np.array_equal(tile.dataset_mask() == 0, (data[:, :256, :256] == 0).all(axis=0))


def test_points_of_control_give_the_same_grid_as_one_cog(workshop: Workshop) -> None:
    points = [
        GroundControlPoint(
            row, column, 500_000 + 10 * column + row + row * column / 5e4, 5_300_000 - 10 * row
        )
        for row in (0, 700, 1300)
        for column in (0, 500, 1100)
    ]
    path = rasters.write_geotiff(
        workshop.root / "a.tif",
        width=1100,
        height=1300,
        transform=None,
        data=noise(1, 1300, 1100, "uint8"),
        gcps=points,
        **TILED,
    )
    single, cog = workshop.single(path)
    result = workshop.large(path, tile_size=1024)
    assert (result.transform, result.width, result.height) == (single.transform, single.width, single.height)
    with rasterio.open(cog) as whole:
        for part in workshop.parts(result):
            with rasterio.open(workshop.file(part.blob_uri)) as tile:
                assert np.array_equal(tile.read(), whole.read(window=whole.window(*tile.bounds)))


def test_a_cancelled_tile_stops_between_windows_and_leaves_no_blob(workshop: Workshop) -> None:
    uri = workshop.upload(plain(workshop.root / "a.tif", **RGB))
    parameters = ProcessLargeRasterParameters(source_uri=uri, target_prefix=PREFIX, tile_size=256)
    scheme = tiling_scheme(parameters, workshop.around().context)
    doomed = surroundings(workshop.root / "doomed", workshop.storage, cancel_at=0.1)
    with pytest.raises(TaskCancelled):
        create_tile_cog(CreateTileCogParameters(plan_uri=scheme.plan_uri, index=0), doomed.context)
    assert not [blob for blob in workshop.storage.list_blobs("silver") if blob.uri.endswith(".tif")]


def test_a_source_that_was_replaced_is_told(workshop: Workshop) -> None:
    path: Path = plain(workshop.root / "a.tif", **RGB)
    parameters = ProcessLargeRasterParameters(
        source_uri=workshop.upload(path), target_prefix=PREFIX, tile_size=256
    )
    scheme = tiling_scheme(parameters, workshop.around().context)
    plain(path, height=401, **RGB)
    workshop.upload(path)
    with pytest.raises(PermanentTaskError) as caught:
        create_tile_cog(CreateTileCogParameters(plan_uri=scheme.plan_uri, index=0), workshop.around().context)
    assert caught.value.code == "SOURCE_CHANGED"


def test_results_stay_small(workshop: Workshop) -> None:
    """What the stages hand on through rows, as ten thousand of them are held."""
    result = workshop.large(plain(workshop.root / "a.tif", **RGB), tile_size=256)
    assert isinstance(result, MosaicResult)
    assert max(workshop.result_bytes["extract_tile"] + workshop.result_bytes["create_tile_cog"]) < 400


def test_the_mosaic_has_the_names_of_the_classes(workshop: Workshop) -> None:
    source = plain(workshop.root / "a.tif", height=600, width=700, **TILED)
    result = workshop.large(source, tile_size=256, reading={"class_names": {"1": "water"}})
    assert result.classification == "categorical"
    assert {entry.value: entry.label for entry in result.rendering.legend}[1] == "water"
