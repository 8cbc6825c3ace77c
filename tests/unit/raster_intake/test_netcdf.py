"""netCDF and HDF5, which are taken only where the operator allows them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy

from core.task_models.raster_validation import ReadingOptions
from tests import rasters
from tests.unit.raster_intake.conftest import Intake

h5py: Any = pytest.importorskip("h5py")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
ALLOWED = ReadingOptions(extra_formats=True, source_crs="EPSG:32633")
SECRET = 201
SHAPE = (48, 64)


def netcdf(path: Path, *, form: str = "NC", bands: int = 1) -> Path:
    source = rasters.write_geotiff(path.with_suffix(".tif"), dtype="float32", nodata=-9999, bands=bands)
    copy(source, path, driver="netCDF", FORMAT=form)
    return path


@pytest.mark.parametrize("form", ["NC", "NC2", "NC4", "NC4C"])
def test_netcdf_is_read_where_it_is_allowed(intake: Intake, form: str) -> None:
    path = netcdf(intake.files / "a.nc", form=form)
    with intake.opened(path, reading=ReadingOptions(extra_formats=True)) as opened:
        assert (opened.driver, opened.pixels.crs.to_epsg()) == ("netCDF", 32633)
        assert opened.pixels.transform.almost_equals(rasters.UTM33_ORIGIN, precision=1e-6)
        assert np.array_equal(opened.pixels.read(1), rasters.gradient(1, 48, 64, "float32")[0])
    assert intake.refusal(path).code == "UNSUPPORTED_FORMAT"


def test_a_variable_is_named_where_there_are_several(intake: Intake) -> None:
    path = netcdf(intake.files / "a.nc", bands=2)
    error = intake.refusal(path, reading=ALLOWED)
    assert (error.code, error.context["rasters"]) == ("AMBIGUOUS_RASTER", ["Band1", "Band2"])
    second = intake.validated(path, reading=ReadingOptions(extra_formats=True, subdataset="Band2"))
    assert second.band_count == 1
    wrong = ReadingOptions(extra_formats=True, subdataset='Band2":/etc/passwd')
    assert intake.refusal(path, reading=wrong).code == "AMBIGUOUS_RASTER"


def external_link(file: Any, other: Path) -> None:
    file["band"] = h5py.ExternalLink(str(other), "/band")


def deep_link(file: Any, other: Path) -> None:
    file.create_group("a/b")["band"] = h5py.ExternalLink(str(other), "/band")


def external_pixels(file: Any, other: Path) -> None:
    file.create_dataset(
        "band", SHAPE, "u1", external=[(str(other.with_suffix(".raw")), 0, SHAPE[0] * SHAPE[1])]
    )


def virtual_pixels(file: Any, other: Path) -> None:
    layout = h5py.VirtualLayout(SHAPE, "u1")
    layout[:] = h5py.VirtualSource(str(other), "band", SHAPE)
    file.create_virtual_dataset("band", layout)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    pixels = np.full(SHAPE, SECRET, dtype="u1")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["band"] = pixels
    (tmp_path / "other.raw").write_bytes(pixels.tobytes())
    return tmp_path / "other.h5"


@pytest.mark.parametrize("refer", [external_link, deep_link, external_pixels, virtual_pixels])
def test_hdf5_that_reads_other_files(intake: Intake, other: Path, refer: Any) -> None:
    path = intake.files / "a.h5"
    with h5py.File(path, "w", libver="latest") as file:
        refer(file, other)
    where = "a/b/band" if refer is deep_link else "band"
    with rasterio.open(f'NETCDF:"{path}":/{where}' if "/" in where else path, driver="netCDF") as dataset:
        assert SECRET in dataset.read(1), "the negative control"
    assert intake.refusal(path, reading=ALLOWED).code == "EXTERNAL_REFERENCE"
    assert intake.refusal_to_convert(path, reading=ALLOWED).code == "EXTERNAL_REFERENCE"


def test_hdf5_without_a_place(intake: Intake) -> None:
    path = intake.files / "a.h5"
    with h5py.File(path, "w") as file:
        file["band"] = np.ones(SHAPE, dtype="u1")
    assert intake.refusal(path, reading=ALLOWED).code == "NO_GEOREFERENCE"


def test_a_damaged_hdf5(intake: Intake) -> None:
    path = netcdf(intake.files / "a.nc", form="NC4")
    assert intake.refusal(path.read_bytes()[:3000], "a.nc", ALLOWED).code == "RASTER_UNREADABLE"
