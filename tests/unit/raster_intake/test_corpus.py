"""The corpus of hostile files: each is refused, with its code, by each task that reads sources."""

from pathlib import Path

import pytest
import rasterio
from rasterio.errors import RasterioError

from services.raster.environment import hardened_gdal
from tests.hostile_rasters import CORPUS, Hostile, png_of
from tests.unit.raster_intake.conftest import Intake

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    assert len({hostile.what for hostile in CORPUS}) == len(CORPUS) >= 40


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: hostile.what)
def test_it_is_refused_with_its_code(intake: Intake, hostile: Hostile) -> None:
    error = intake.refusal(hostile.make(intake.files), hostile.name)
    assert error.code == hostile.code, error.message


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: hostile.what)
def test_it_is_not_converted_either(intake: Intake, hostile: Hostile) -> None:
    """The task that reads all pixels may be run without the other one before it."""
    error = intake.refusal_to_convert(hostile.make(intake.files), hostile.name)
    assert error.code == hostile.code, error.message


def test_rows_that_a_picture_lacks_are_never_taken_from_memory(tmp_path: Path) -> None:
    """GDAL's short cut for whole PNGs did so, where the memory happened to hold zeros."""
    side = 64
    picture = tmp_path / "a.png"
    picture.write_bytes(png_of(side, side))
    for attempt in range(300):
        freed = [bytearray(side * (side + 1) + attempt % 64) for _ in range(20)]
        del freed
        with hardened_gdal(), rasterio.open(picture, driver="PNG") as dataset, pytest.raises(RasterioError):
            dataset.read()
