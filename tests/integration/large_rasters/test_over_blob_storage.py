"""The four stages on real blob storage: windows are read over HTTP, in the version that was planned."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio

from core.errors import PermanentTaskError
from core.task_models.raster_tiles import CreateTileCogParameters, ProcessLargeRasterParameters
from services.raster.tile_cog import create_tile_cog
from services.raster.tiling import tiling_scheme
from tests import rasters
from tests.large_rasters import Workshop
from tests.raster_zones import Zones, open_zones
from tools.stack.azurite import AzuriteServer

SIDE = 1100


@pytest.fixture
def zones(azurite: AzuriteServer) -> Iterator[Zones]:
    with open_zones(azurite) as zones:
        yield zones


@pytest.fixture
def workshop(zones: Zones, tmp_path: Path) -> Workshop:
    return Workshop(
        tmp_path,
        zones.blobs,
        upload=lambda path: zones.upload(path, path.name),
        prefix=zones.target("large"),
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    data = np.random.default_rng(3).integers(1, 200, (3, SIDE, SIDE), dtype="uint8")
    return rasters.rgb(
        tmp_path / "a.tif",
        width=SIDE,
        height=SIDE,
        data=data,
        tiled=True,
        blockxsize=256,
        blockysize=256,
        compress="DEFLATE",
    )


@pytest.mark.parametrize("target_crs", [None, "EPSG:3857"])
def test_the_mosaic_holds_the_pixels_of_the_single_cog(
    workshop: Workshop, source: Path, target_crs: str | None
) -> None:
    uri = workshop.upload(source)
    _, single = workshop.single(uri, target_crs=target_crs)
    result = workshop.large(uri, tile_size=1024, options={"target_crs": target_crs})
    assert result.part_count == 4
    with rasterio.open(single) as whole:
        for part in workshop.parts(result):
            with rasterio.open(workshop.file(part.blob_uri)) as tile:
                window = whole.window(*tile.bounds).round()
                assert np.array_equal(tile.read(), whole.read(window=window))
    with rasterio.open(workshop.file(str(result.overview_uri))) as overview:
        assert (overview.crs, overview.count) == (whole.crs, 3)


def test_a_source_that_was_replaced_meanwhile_is_not_mixed_in(
    workshop: Workshop, zones: Zones, source: Path
) -> None:
    uri = workshop.upload(source)
    parameters = ProcessLargeRasterParameters(source_uri=uri, target_prefix=workshop.prefix, tile_size=1024)
    scheme = tiling_scheme(parameters, workshop.around().context)
    zones.clients.delete(uri)
    workshop.upload(rasters.rgb(source, width=SIDE, height=SIDE))
    with pytest.raises(PermanentTaskError) as caught:
        create_tile_cog(CreateTileCogParameters(plan_uri=scheme.plan_uri, index=0), workshop.around().context)
    assert caught.value.code == "SOURCE_CHANGED"
