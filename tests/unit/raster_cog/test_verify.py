"""What is noticed about a COG file before it is published, and about its blob afterwards."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from core.errors import ContractViolation, NotFound
from core.task_models.raster import RasterDescription
from core.task_models.raster_cog import ProcessRasterResult, VerifyCogParameters
from services.raster.verify import check_cog, pixel_checksums, prove, verify_cog
from tests import rasters
from tests.unit.raster_cog.conftest import CogBench


def description(result: ProcessRasterResult, **changes: Any) -> RasterDescription:
    fields = {name: getattr(result, name) for name in RasterDescription.model_fields}
    return RasterDescription(**{**fields, **changes})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nodata", 3.0),
        ("nodata", "nan"),
        ("crs", "EPSG:32634"),
        ("width", 65),
        ("dtypes", ("int16",)),
        ("transform", (10.0, 0.0, 500_001.0, 0.0, -10.0, 5_300_000.0)),
        ("descriptions", ("height",)),
    ],
)
def test_another_header_is_noticed(bench: CogBench, field: str, value: object) -> None:
    result, cog = bench.create(rasters.write_geotiff(bench.path()))
    assert check_cog(cog, description(result)) == result.overviews
    with pytest.raises(ContractViolation, match=field) as caught:
        check_cog(cog, description(result, **{field: value}))
    assert caught.value.code == "COG_INVALID"


def test_a_tiff_that_is_no_cog_is_noticed(bench: CogBench) -> None:
    result, _ = bench.create(rasters.write_geotiff(bench.path(), width=2000, height=2000))
    plain = rasters.write_geotiff(bench.path("b.tif"), width=2000, height=2000)
    with pytest.raises(ContractViolation, match="not usable"):
        check_cog(plain, description(result))


@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_a_file_cut_off_is_noticed(bench: CogBench, keep: float) -> None:
    result, cog = bench.create(rasters.write_geotiff(bench.path(), width=1000, height=1000))
    content = cog.read_bytes()
    cog.write_bytes(content[: int(len(content) * keep)])

    def checked() -> None:
        check_cog(cog, description(result))
        pixel_checksums(cog)

    with pytest.raises(ContractViolation):
        checked()


@pytest.mark.parametrize("make", [rasters.rgb, rasters.masked])
def test_one_pixel_changes_the_checksums(tmp_path: Path, make: Any) -> None:
    path = make(tmp_path / "a.tif")
    before = pixel_checksums(path)
    with rasterio.open(path, "r+") as dataset:
        old = dataset.read(2, window=Window(5, 5, 1, 1))
        dataset.write(old + np.uint8(1), 2, window=Window(5, 5, 1, 1))
    after = pixel_checksums(path)
    assert [one == other for one, other in zip(before, after, strict=True)] == [
        number != 1 for number in range(len(before))
    ]


def test_other_pixels_are_noticed(bench: CogBench) -> None:
    result, cog = bench.create(rasters.masked(bench.path()))
    expected = result.proof.checksums
    assert prove(cog, expected, compared_with="source") == result.proof
    for number in range(len(expected)):
        other = (*expected[:number], "0" * 64, *expected[number + 1 :])
        with pytest.raises(ContractViolation, match="pixels"):
            prove(cog, other, compared_with="source")
    assert prove(cog, (), compared_with="none").equal is None


def test_the_mask_has_a_checksum_of_its_own(tmp_path: Path) -> None:
    path = rasters.masked(tmp_path / "a.tif")
    before = pixel_checksums(path)
    assert len(before) == 4
    with rasterio.open(path, "r+") as dataset:
        dataset.write_mask(np.zeros((48, 64), dtype="uint8"))
    assert pixel_checksums(path)[:3] == before[:3]
    assert pixel_checksums(path)[3] != before[3]


def verified(bench: CogBench, result: ProcessRasterResult) -> ProcessRasterResult:
    return verify_cog(VerifyCogParameters(cog=result), bench.around().context)


def test_a_blob_that_is_there_is_enough(bench: CogBench) -> None:
    result, _ = bench.create(rasters.write_geotiff(bench.path()))
    assert verified(bench, result) == result


def test_a_blob_that_is_gone_is_noticed(bench: CogBench) -> None:
    result, cog = bench.create(rasters.write_geotiff(bench.path()))
    cog.unlink()
    with pytest.raises(NotFound):
        verified(bench, result)


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content[:-1] + b"x"])
def test_another_blob_is_noticed(bench: CogBench, change: Any) -> None:
    result, cog = bench.create(rasters.write_geotiff(bench.path()))
    cog.write_bytes(change(cog.read_bytes()))
    with pytest.raises(ContractViolation) as caught:
        verified(bench, result)
    assert caught.value.code == "COG_INVALID"


@pytest.mark.parametrize("field", ["etag", "md5"])
def test_etag_and_md5_both_count(bench: CogBench, field: str) -> None:
    result, _ = bench.create(rasters.write_geotiff(bench.path()))
    with pytest.raises(ContractViolation):
        verified(bench, result.model_copy(update={field: "00" * 16}))
