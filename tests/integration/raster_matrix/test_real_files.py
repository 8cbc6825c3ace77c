"""Files that nobody made for these tests: the shift grids of PROJ, and pictures that come with packages.

They are looked for where they are installed, and nothing of them is kept here. PROJ's grids are real rasters
in formats that only GDAL reads: they are converted first. Pictures get a place on earth by a world file, in a
zip, as scanned maps come.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import rasterio
from rasterio.crs import CRS
from rio_cogeo.cogeo import cog_validate

from core.errors import AppError
from core.task_models.raster import BandStatistics
from core.task_models.raster_validation import ReadingOptions
from tests.integration.raster_matrix.gdal_programs import Seen, run
from tests.integration.raster_matrix.publishing import publish
from tests.raster_zones import Zones

_GRIDS = Path("/usr/share/proj")
_PICTURES = Path("/usr/share")
_GRID_FORMATS = {".gtx": "a model of the geoid", ".gsb": "a shift of the datum (NTv2)"}
_LARGEST_BYTES = 2_000_000
_MOST_PICTURES = 12


@dataclass(frozen=True)
class RealFile:
    """A file of another package."""

    path: Path

    def __str__(self) -> str:
        return self.path.name


def grids() -> list[RealFile]:
    """PROJ's, of the Debian package proj-data."""
    found = sorted(path for path in _GRIDS.glob("*") if path.suffix in _GRID_FORMATS)
    return [RealFile(path) for path in found]


def pictures() -> list[RealFile]:
    """PNG and JPEG files, the same on each run: of each kind of pixels that is found, some."""
    found = (
        path
        for suffix in ("png", "jpg")
        for path in sorted(_PICTURES.glob(f"**/*.{suffix}"))
        if path.is_file() and not path.is_symlink() and 2_000 < path.stat().st_size < _LARGEST_BYTES
    )
    by_kind: dict[tuple[object, ...], list[Path]] = {}
    for path in found:
        by_kind.setdefault(_kind(path), []).append(path)
    some = [path for kind in sorted(by_kind, key=str) for path in by_kind[kind][:2]]
    return [RealFile(path) for path in some[:_MOST_PICTURES]]


def _kind(path: Path) -> tuple[object, ...]:
    """A PNG's bit depth, colour type and interlacing (PNG, section 11.2.2); all JPEGs are of one kind."""
    with path.open("rb") as file:
        head = file.read(29)
    return (path.suffix, head[24], head[25], head[28]) if path.suffix == ".png" else (path.suffix,)


GRIDS, PICTURES = grids(), pictures()


def test_there_are_real_files() -> None:
    """A search that finds nothing would pass all else."""
    names = {file.path.name for file in GRIDS}
    expected = {"egm96_15.gtx", "BETA2007.gsb", "nzgd2kgrid0005.gsb"}
    assert expected <= names, f"{expected - names} of the Debian package proj-data are not in {_GRIDS}"
    assert PICTURES, f"there is neither a PNG nor a JPEG file below {_PICTURES}"


@pytest.mark.parametrize("file", GRIDS, ids=str)
def test_a_grid_of_proj(file: RealFile, zones: Zones, tmp_path: Path) -> None:
    """Written by GDAL's program, published, and read again by it."""
    source = tmp_path / "grid.tif"
    run("gdal_translate", "-q", "-co", "COMPRESS=LZW", file.path, source)
    check(Seen(source), source, zones=zones, name=file.path.name, directory=tmp_path)


@pytest.mark.parametrize("file", PICTURES, ids=str)
def test_a_picture_with_a_world_file(file: RealFile, zones: Zones, tmp_path: Path) -> None:
    archive, reference = zipped_map(file.path, tmp_path)
    name = "-".join(file.path.parts[-3:])
    if Seen(reference).mask.any():
        check(Seen(reference), archive, zones=zones, name=name, directory=tmp_path)
        return
    with pytest.raises(AppError, match="nodata, masked"):  # an icon that is transparent altogether
        check(Seen(reference), archive, zones=zones, name=name, directory=tmp_path)


def zipped_map(picture: Path, directory: Path) -> tuple[Path, Path]:
    """The archive, and a GeoTIFF with the same content for GDAL's programs."""
    archive, reference = directory / "map.zip", directory / "reference.tif"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(picture, f"map{picture.suffix}")
        file.writestr(
            f"map{'.pgw' if picture.suffix == '.png' else '.jgw'}", "2\n0\n0\n-2\n600001\n5299999\n"
        )
        file.writestr("map.prj", CRS.from_epsg(32633).to_wkt(version="WKT1_ESRI"))
    info = Seen(_copy(picture, directory)).info
    columns, rows = info["size"]
    corners = (600_000, 5_300_000, 600_000 + 2 * columns, 5_300_000 - 2 * rows)
    run("gdal_translate", "-q", "-a_srs", "EPSG:32633", "-a_ullr", *corners, picture, reference)
    return archive, reference


def _copy(path: Path, directory: Path) -> Path:
    """gdalinfo leaves a file beside what it was asked about."""
    copied = directory / f"copy{path.suffix}"
    copied.write_bytes(path.read_bytes())
    return copied


def check(source: Seen, upload: Path, *, zones: Zones, name: str, directory: Path) -> None:
    """The same pixels, grid and CRS, as GDAL's programs see them."""
    published = publish(
        upload, zones=zones, name=f"real/{_plain(name)}", directory=directory, reading=ReadingOptions()
    )
    cog = Seen(published.cog)
    assert cog_validate(published.cog, strict=True, quiet=True)[0]
    assert cog.pixels.tobytes() == source.pixels.tobytes()
    assert (cog.mask == source.mask).all()
    assert cog.info["geoTransform"] == pytest.approx(source.info["geoTransform"], rel=1e-9)
    assert CRS.from_wkt(cog.wkt) == CRS.from_wkt(source.wkt)
    check_statistics(published.result.statistics, source)
    with rasterio.open(published.cog) as dataset:
        assert dataset.bounds == pytest.approx(published.result.bounds)


def check_statistics(statistics: Sequence[BandStatistics], source: Seen) -> None:
    """Minimum and maximum of each band, as gdalinfo has them."""
    for number, found in enumerate(statistics):
        expected = source.statistics(number)
        if expected:
            assert found.min == pytest.approx(expected["minimum"], rel=1e-6)
            assert found.max == pytest.approx(expected["maximum"], rel=1e-6)


def _plain(name: str) -> str:
    return "".join(char if char.isalnum() or char in "._-" else "_" for char in name)
