"""COGs of a collection become a mosaic: in one CRS, in several, with gaps, across the antimeridian."""

import json
from typing import Any

import numpy as np
import pytest
import rasterio
from cogeo_mosaic.mosaic import MosaicJSON
from rasterio.transform import Affine, from_origin

from core.errors import PermanentTaskError
from core.task_models.raster import RasterClass
from core.task_models.raster_mosaic import MosaicPart, MosaicResult
from jobs.create_mosaic_json import CreateMosaicJson
from services.raster.json_lines import write_lines
from tests import rasters
from tests.large_rasters import PREFIX, Workshop
from tests.unit.large_raster.test_seams import noise

TILED: dict[str, Any] = {"tiled": True, "blockxsize": 256, "blockysize": 256}


def cog(
    workshop: Workshop, name: str, *, transform: Affine, crs: str = "EPSG:32633", **how: Any
) -> MosaicPart:
    """A part of 512 x 512 pixels."""
    data = how.pop("data", noise(1, 512, 512, "uint8"))
    path = rasters.write_geotiff(
        workshop.root / f"{name}.tif",
        width=512,
        height=512,
        data=data,
        crs=crs,
        transform=transform,
        **TILED,
        **how,
    )
    made, _ = workshop.single(path)
    return MosaicPart(
        name=name,
        blob_uri=made.blob_uri,
        size_bytes=made.size_bytes,
        sha256=made.sha256,
        width=made.width,
        height=made.height,
        crs=made.crs,
        bounds=made.bounds,
        bbox=made.bbox,
        transform=made.transform,
        statistics=made.statistics,
    )


def mosaic_of(workshop: Workshop, parts: list[MosaicPart], **parameters: Any) -> MosaicResult:
    uri = f"{PREFIX}/parts.jsonl"
    write_lines(workshop.around().context, uri, parts)
    job = {"parts_uri": uri, "target_prefix": PREFIX, **parameters}
    return MosaicResult.model_validate(workshop.run(CreateMosaicJson, job))


def at(column: int, row: int = 0) -> Affine:
    return rasters.UTM33_ORIGIN @ Affine.translation(column, row)


def test_the_whole_is_the_union_and_gaps_stay_empty(workshop: Workshop) -> None:
    parts = [cog(workshop, "a", transform=at(0)), cog(workshop, "b", transform=at(1024, 256))]
    result = mosaic_of(workshop, parts, part_count=2)
    assert (result.width, result.height) == (1536, 768)
    assert result.bounds == (500_000, 5_300_000 - 7680, 515_360, 5_300_000)
    assert result.part_count == 2
    assert result.statistics[0].valid_percent == 100
    with rasterio.open(workshop.file(str(result.overview_uri))) as overview:
        mask = overview.dataset_mask()
        assert (mask[0, 0], mask[0, overview.width // 2], mask[-1, -1]) == (255, 0, 255)


def test_parts_of_several_crs_make_one_mosaic_in_degrees(workshop: Workshop) -> None:
    there = from_origin(200_000, 5_300_000, 10, 10)  # beside zone 33, in the coordinates of zone 34
    parts = [
        cog(workshop, "a", transform=at(0)),
        cog(workshop, "b", transform=there, crs="EPSG:32634", data=np.full((1, 512, 512), 200, "uint8")),
    ]
    result = mosaic_of(workshop, parts)
    assert result.crs == "EPSG:4326"
    assert result.bbox[0] == pytest.approx(min(part.bbox[0] for part in parts), abs=1e-3)
    assert result.bbox[2] == pytest.approx(max(part.bbox[2] for part in parts), abs=1e-3)
    with rasterio.open(workshop.file(str(result.overview_uri))) as overview:
        west, south, east, north = parts[1].bbox
        row, column = overview.index((west + east) / 2, (south + north) / 2)
        assert overview.read(1)[row, column] == 200


def test_missing_files_are_passed_on(workshop: Workshop) -> None:
    missing = [{"name": f"scene{number}", "code": "RASTER_UNREADABLE"} for number in range(3)]
    parts = [cog(workshop, "a", transform=at(0))]
    result = mosaic_of(workshop, parts, missing=missing, missing_count=250, classification="continuous")
    assert (result.missing_count, len(result.missing)) == (250, 3)
    assert result.classification is RasterClass.CONTINUOUS
    assert result.warnings == ("250 of 251 parts could not be made; their places are empty.",)


def test_a_part_across_the_antimeridian_is_found_on_both_sides(workshop: Workshop) -> None:
    part = cog(workshop, "a", transform=from_origin(795_000, 1_000_000, 100, 100), crs="EPSG:32660")
    assert part.bbox[0] > part.bbox[2]
    result = mosaic_of(workshop, [part])
    document = json.loads(workshop.file(result.mosaic_uri).read_text())
    mosaic = MosaicJSON.model_validate(document)
    assert {quadkey[0] for quadkey in mosaic.tiles} == {"0", "1"}, "west and east of the northern half"
    assert result.overview_uri is not None


def test_an_empty_list_is_no_mosaic(workshop: Workshop) -> None:
    uri = f"{PREFIX}/parts.jsonl"
    write_lines(workshop.around().context, uri, [])
    with pytest.raises(PermanentTaskError) as caught:
        workshop.run(CreateMosaicJson, {"parts_uri": uri, "target_prefix": PREFIX})
    assert caught.value.code == "MOSAIC_EMPTY"
