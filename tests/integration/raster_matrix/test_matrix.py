"""Every kind of raster that comes in, published by the real jobs and checked by GDAL's own programs."""

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rio_cogeo.cogeo import cog_validate
from rio_tiler.io import Reader

from core.errors import AppError
from core.task_models.raster import Nodata
from tests.integration.raster_matrix.cases import CASES, Case, Check, Mask
from tests.integration.raster_matrix.gdal_programs import Seen
from tests.integration.raster_matrix.making import make, warped
from tests.integration.raster_matrix.publishing import Published, publish
from tests.jobs_in_process import JobRun
from tests.raster_zones import Zones


@dataclass(frozen=True)
class Compared:
    """A case that was published: what GDAL's programs see in the source, or its warp, and in the COG."""

    case: Case
    published: Published
    original: Path
    source: Seen
    cog: Seen


def published_case(case: Case, zones: Zones, directory: Path) -> Compared:
    made = make(case, directory)
    published = publish(
        made.upload,
        zones=zones,
        name=f"matrix/{case.name}",
        directory=directory,
        reading=case.reading,
        options=case.options,
    )
    reference = made.reference
    if case.check is Check.WARPED:
        reference = warped(reference)
    if case.check is Check.REPROJECTED:
        reference = warped(reference, "-t_srs", case.options["target_crs"], "-r", "bilinear")
    return Compared(case, published, made.reference, source=Seen(reference), cog=Seen(published.cog))


@pytest.mark.parametrize("case", [case for case in CASES if case.refused is None], ids=str)
def test_what_is_published_is_what_gdal_sees_in_the_source(case: Case, zones: Zones, tmp_path: Path) -> None:
    compared = published_case(case, zones, tmp_path)
    check_layout(compared)
    check_reference(compared)
    check_header(compared)
    if case.check is Check.SAME:
        check_grid(compared)
        check_pixels(compared)
        check_statistics(compared)
    else:
        check_place(compared)
    if case.check is Check.WARPED:
        check_samples(compared)
    if case.check is Check.REPROJECTED:
        check_reprojection(compared)
    if case.tiles:
        check_tiles(compared)


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=str)
def test_what_cannot_be_published_is_refused_for_its_reason(case: Case, zones: Zones, tmp_path: Path) -> None:
    made = make(case, tmp_path)
    uri = zones.upload(made.upload, f"matrix/{case.name}{case.suffix}")
    job = JobRun(tmp_path / "work", zones.blobs)
    with pytest.raises(AppError) as caught:
        job.run("validate_raster", {"source_uri": uri})
    assert caught.value.code == case.refused
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["palette", "layout-one-odd", "to-3857"])
def test_the_program_rio_cogeo_says_so_too(name: str, zones: Zones, tmp_path: Path) -> None:
    """The program itself takes a second to start: a few of them stand for all."""
    case = next(case for case in CASES if case.name == name)
    made = make(case, tmp_path)
    published = publish(
        made.upload,
        zones=zones,
        name=f"program/{name}",
        directory=tmp_path,
        reading=case.reading,
        options=case.options,
    )
    program = Path(sys.executable).with_name("rio")
    done = subprocess.run(
        [program, "cogeo", "validate", "--strict", published.cog], capture_output=True, text=True, check=True
    )
    assert f"{published.cog} is a valid cloud optimized GeoTIFF" in done.stdout


def test_the_matrix_is_as_large_as_it_says() -> None:
    """A case that is lost in an edit would not be missed otherwise."""
    assert len(CASES) >= 150
    assert len({case.name for case in CASES}) == len(CASES)


def check_layout(compared: Compared) -> None:
    """rio-cogeo's rules, in its strict reading: overviews where the raster is larger than a tile."""
    is_valid, errors, warnings = cog_validate(compared.published.cog, strict=True, quiet=True)
    assert is_valid, (errors, warnings)


def check_reference(compared: Compared) -> None:
    """The CRS, in the file and in the summary."""
    assigned = compared.case.reading.source_crs
    expected = CRS.from_string(assigned) if assigned else CRS.from_wkt(compared.source.wkt)
    assert CRS.from_wkt(compared.cog.wkt) == expected
    assert CRS.from_user_input(compared.published.result.crs) == expected
    if "target_crs" not in compared.case.options:
        assert compared.published.validated.crs == compared.published.result.crs


def check_header(compared: Compared) -> None:
    """Bands, types, nodata and colours."""
    case, result = compared.case, compared.published.result
    assert [band["type"] for band in compared.cog.bands] == [band["type"] for band in compared.source.bands]
    assert result.band_count == len(compared.cog.bands)
    assert compared.cog.info["size"] == [result.width, result.height]
    expected = case.reading.nodata if case.reading.nodata is not None else _nodata(compared.source)
    assert _same(_nodata(compared.cog), expected)
    assert _same(_number(result.nodata), expected)
    for of_cog, of_source in zip(compared.cog.bands, compared.source.bands, strict=True):
        is_first = of_source is compared.source.bands[0]
        color = of_source["colorInterpretation"]
        # What is no picture begins with a grey band in GeoTIFF; where white is zero it says nothing.
        assert of_cog["colorInterpretation"] == ("Gray" if color == "Undefined" and is_first else color)
        assert of_cog.get("description", "") == of_source.get("description", "")
        assert (of_cog.get("scale"), of_cog.get("offset")) == (
            of_source.get("scale"),
            of_source.get("offset"),
        )
        assert _colors(of_cog)[: len(_colors(of_source))] == _colors(of_source)


def check_grid(compared: Compared) -> None:
    """The geotransform, and the bounds that follow from it."""
    source, result = compared.source.info, compared.published.result
    expected = source.get("geoTransform")
    if expected is None:  # ground control points that form a grid
        expected = [500_000.0, 10.0, 0.0, 5_300_000.0, 0.0, -10.0]
    assert compared.cog.info["geoTransform"] == pytest.approx(expected, rel=1e-9, abs=1e-6)
    corners = [
        compared.cog.info["cornerCoordinates"][name]
        for name in ("upperLeft", "lowerLeft", "lowerRight", "upperRight")
    ]
    xs, ys = zip(*corners, strict=True)
    assert result.bounds == pytest.approx((min(xs), min(ys), max(xs), max(ys)), rel=1e-6, abs=2e-3)
    assert compared.published.validated.bounds == pytest.approx(result.bounds, rel=1e-12)


def check_pixels(compared: Compared) -> None:
    """Every bit of every band, and which pixels count."""
    result = compared.published.result
    assert result.proof.equal is (True if result.compression.is_lossless else None)
    if compared.case.tolerance:
        differences = np.abs(compared.cog.pixels.astype("int32") - compared.source.pixels.astype("int32"))
        assert differences.max() <= compared.case.tolerance
    else:
        assert compared.cog.pixels.tobytes() == compared.source.pixels.tobytes()
    if compared.case.reading.nodata is None:
        assert np.array_equal(compared.cog.mask, compared.source.mask)


def check_statistics(compared: Compared) -> None:
    """Over the pixels that count, as GDAL's programs read them; and those that gdalinfo computes, which
    knows nodata and no masks.
    """
    for number, found in enumerate(compared.published.result.statistics):
        expected = _statistics(compared, number)
        width = max(abs(expected["minimum"]), abs(expected["maximum"]), 1e-300)
        near = compared.case.tolerance
        assert found.min == pytest.approx(expected["minimum"], rel=1e-6, abs=near)
        assert found.max == pytest.approx(expected["maximum"], rel=1e-6, abs=near)
        assert found.mean == pytest.approx(expected["mean"], abs=1e-7 * width + near)
        assert found.stddev == pytest.approx(expected["stddev"], abs=1e-6 * width + near)
        assert found.valid_percent == pytest.approx(expected["valid_percent"], abs=0.01)


def _statistics(compared: Compared, band: int) -> dict[str, float]:
    case, cog = compared.case, compared.cog
    has_mask = case.mask is not Mask.NONE
    if case.dtype != "int8" and case.reading.nodata is None and not has_mask:
        return compared.source.statistics(band)
    is_alpha = cog.bands[band]["colorInterpretation"] == "Alpha"
    counts = (cog.mask[0] > 0) | is_alpha
    pixels = compared.source.pixels[band]
    if case.nodata is not None:  # GDAL 3.6 looks for it among unsigned bytes where they are signed
        counts &= pixels != case.nodata
    values = pixels[counts].astype("float64")
    return {
        "minimum": values.min(),
        "maximum": values.max(),
        "mean": values.mean(),
        "stddev": values.std(),
        "valid_percent": 100 * counts.mean(),
    }


def check_place(compared: Compared) -> None:
    """The grid that was made lies where gdalwarp puts its own, and has pixels of that size."""
    result = compared.published.result
    corners = compared.source.info["cornerCoordinates"]
    transform = compared.source.info["geoTransform"]
    assert max(result.resolution) == pytest.approx(transform[1], rel=0.02)
    expected = (*corners["lowerLeft"], *corners["upperRight"])
    assert result.bounds == pytest.approx(expected, abs=1.5 * max(result.resolution))


def check_samples(compared: Compared) -> None:
    """The two grids differ by parts of a pixel: most places have the values of the same pixel."""
    left, bottom, right, top = compared.published.result.bounds
    margin = 5 * max(compared.published.result.resolution)
    with rasterio.open(compared.published.cog) as cog, rasterio.open(compared.source.path) as source:
        xs, ys = (
            np.linspace(left + margin, right - margin, 40),
            np.linspace(bottom + margin, top - margin, 40),
        )
        places = [(x, y) for x in xs for y in ys]
        differences = [
            abs(float(ours[0]) - float(theirs[0]))
            for ours, theirs in zip(cog.sample(places), source.sample(places), strict=True)
        ]
    assert np.quantile(differences, 0.9) <= 4, "neighbours of the gradient differ by one to three"


def check_reprojection(compared: Compared) -> None:
    """On the very grid of the COG, gdalwarp finds the same values, and the same places without any."""
    result = compared.published.result
    grid = ("-te", *result.bounds, "-ts", result.width, result.height)
    how = ("-t_srs", compared.case.options["target_crs"], "-r", "bilinear", "-et", 0)
    theirs = Seen(warped(compared.original, *how, *grid, name="onto"))
    differences = np.abs(compared.cog.pixels - theirs.pixels)[:, (compared.cog.mask & theirs.mask)[0] > 0]
    assert np.mean(compared.cog.mask != theirs.mask) < 0.005
    assert differences.max() < 4, "an eighth of the step between neighbours: GDAL's tolerance in pixels"
    assert np.median(differences) < 0.5


def check_tiles(compared: Compared) -> None:
    """A tile at full resolution, drawn by rio-tiler from the source and from the COG."""
    with Reader(str(compared.source.path)) as source, Reader(str(compared.published.cog)) as cog:
        west, south, east, north = source.get_geographic_bounds(CRS.from_epsg(4326))
        zoom = source.maxzoom if hasattr(source, "maxzoom") else source._maxzoom
        tile = source.tms.tile((west + east) / 2, (south + north) / 2, zoom)
        theirs, ours = (reader.tile(tile.x, tile.y, tile.z) for reader in (source, cog))
    assert theirs.mask.any()
    assert np.array_equal(ours.array.data, theirs.array.data)
    assert np.array_equal(ours.mask, theirs.mask)


def _nodata(seen: Seen) -> float | None:
    value = seen.bands[0].get("noDataValue")
    if value is None:
        return None
    number = float(value)
    return None if seen.dtype == "uint8" and not 0 <= number <= 255 else number


def _number(value: Nodata) -> float | None:
    return None if value is None else float(value)


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-7) or (math.isnan(one) and math.isnan(other))


def _colors(band: dict[str, Any]) -> list[list[int]]:
    """A table of fewer than 8 bits is filled up to 256 colours."""
    entries: list[list[int]] = band.get("colorTable", {}).get("entries", [])
    return entries
