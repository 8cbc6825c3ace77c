"""What the pixels mean: by the header where it says so, by a sample where it does not.

The class decides how pixels may be resampled and how they are shown. Where a rule has to guess, it leans
to the class that does less harm: classes taken for measurements would be averaged into classes that do not
exist, so few distinct integers are classes.
"""

import re
from pathlib import PurePosixPath

import numpy as np
from rasterio.enums import ColorInterp

from core.task_models.raster import RasterClass
from services.raster.reading import OpenRaster
from services.raster.sample import Sample

_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
_COLOR_WORDS = (("red", "green", "blue"), ("r", "g", "b"))
_UNNAMED = frozenset({ColorInterp.gray, ColorInterp.undefined})
_MAX_CLASSES = 64
_FEW_CLASSES = 8
_STEPS_OF_ONE = 0.9
"""Share of single steps among the changes from pixel to neighbour, above which integers are measured."""
_HEIGHT_WORDS = re.compile(
    r"(?<![a-z])(dem|dtm|dsm|dhm|mnt|mns|srtm|aster|gdem|hgt|elev|elevation|heights?|altitude|terrain|"
    r"topography|bathymetry|lidar)(?![a-z])"
)
_LENGTHS = frozenset({"m", "metre", "metres", "meter", "meters", "ft", "foot", "feet", "us survey foot"})
_LOWEST, _HIGHEST = -12_000, 9_000


def classify(opened: OpenRaster, sample: Sample) -> RasterClass:
    """The class of a raster. `sample` may be any part of the pixels; more of them make it surer."""
    colors = opened.pixels.colorinterp
    if ColorInterp.palette in colors:
        return RasterClass.CATEGORICAL
    measured = [number for number, color in enumerate(colors, start=1) if color is not ColorInterp.alpha]
    if len(measured) == 3 and _is_picture(opened, sample, measured):
        return RasterClass.RGBA if len(measured) < len(colors) else RasterClass.RGB
    if len(measured) != 1:
        return RasterClass.MULTISPECTRAL
    return _of_one_band(opened, sample, measured[0])


def _is_picture(opened: OpenRaster, sample: Sample, bands: list[int]) -> bool:
    dtype = opened.pixels.dtypes[0]
    colors = tuple(opened.pixels.colorinterp[number - 1] for number in bands)
    if dtype not in ("uint8", "uint16"):
        return False
    if colors == _RGB:
        return dtype == "uint8" or _looks_like_color(sample, bands)
    names = tuple((opened.band_names[number - 1] or "").lower() for number in bands)
    unlabelled = dtype == "uint8" and set(colors) <= _UNNAMED and not any(names)
    return unlabelled or names in _COLOR_WORDS


def _looks_like_color(sample: Sample, bands: list[int]) -> bool:
    """GDAL calls three bands of 16 bits red, green and blue by itself, as it writes them; so they say no
    more than that there are three. Reflectances fill a small part of the range, pictures most of it."""
    highest = max((int(values.max()) for number in bands if (values := sample.band(number)).size), default=0)
    return highest > 20_000


def _of_one_band(opened: OpenRaster, sample: Sample, number: int) -> RasterClass:
    values = sample.band(number)
    if _says_heights(opened, number) and _could_be_heights(values):
        return RasterClass.DEM
    if values.dtype.kind in "iu" and values.size and _are_classes(sample, number, values):
        return RasterClass.CATEGORICAL
    is_srtm_like = values.dtype == np.int16 and _could_be_heights(values) and _is_smooth(sample, number)
    return RasterClass.DEM if is_srtm_like else RasterClass.CONTINUOUS


def _says_heights(opened: OpenRaster, number: int) -> bool:
    name = PurePosixPath(opened.source.info.uri).stem
    texts = (name, opened.band_names[number - 1] or "")
    unit = (opened.pixels.units[number - 1] or "").lower()
    has_heights = len(opened.pixels.crs.to_dict(projjson=True).get("components", ())) == 2
    said = any(_HEIGHT_WORDS.search(text.lower()) for text in texts)
    return opened.pixels.dtypes[0] != "uint8" and (said or has_heights or unit in _LENGTHS)


def _could_be_heights(values: np.ndarray) -> bool:
    return bool(values.size) and float(values.min()) >= _LOWEST and float(values.max()) <= _HIGHEST


def _are_classes(sample: Sample, number: int, values: np.ndarray) -> bool:
    distinct = np.unique(values)
    if distinct.size > _MAX_CLASSES:
        return False
    if distinct.size <= _FEW_CLASSES:
        return True
    return _share_of_steps(sample, number) < _STEPS_OF_ONE


def _share_of_steps(sample: Sample, number: int) -> float:
    """Among neighbours that differ, how many differ by one: nearly all of a slope, few of a land cover."""
    changes = np.concatenate([_changes(data[number - 1], valid[number - 1]) for data, valid in sample.chunks])
    changes = changes[changes > 0]
    return float((changes == 1).mean()) if changes.size else 0.0


def _is_smooth(sample: Sample, number: int) -> bool:
    """Heights change little from pixel to pixel compared with their range."""
    values = sample.band(number)
    span = float(np.ptp(values)) if values.size else 0.0
    changes = np.concatenate([_changes(data[number - 1], valid[number - 1]) for data, valid in sample.chunks])
    return span >= 10 and bool(changes.size) and float(np.median(changes)) <= span / 20


def _changes(data: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The differences of valid neighbours in a row, without sign."""
    both = valid[:, 1:] & valid[:, :-1]
    return np.asarray(np.abs(np.diff(data.astype(np.float64), axis=1))[both])
