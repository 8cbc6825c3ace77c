"""What the pixels mean: their class, and what single values mean where they are classes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from core.errors import PermanentTaskError
from core.task_models.raster import MAX_CLASSES, NamedClass, RasterClass
from core.task_models.raster_validation import ReadingOptions
from services.raster.attribute_table import classes_in
from services.raster.classify import classify
from services.raster.formats import GEOTIFF
from services.raster.reading import OpenRaster
from services.raster.sample import Sample
from services.raster.tiff import gdal_metadata


@dataclass(frozen=True, slots=True)
class Meaning:
    """`classes` have names, and are in the order of their values; none unless the raster is categorical."""

    classification: RasterClass
    classes: tuple[NamedClass, ...] = ()


def meaning_of(
    opened: OpenRaster,
    reading: ReadingOptions,
    *,
    sample: Callable[[], Sample],
    classification: RasterClass | None = None,
) -> Meaning:
    """What the client says, what the file says, what its pixels look like, in this order.

    Args:
        sample: takes one, where it is needed.
        classification: what was found out before, for a raster that is one of many.

    Raises:
        PermanentTaskError: OPTIONS_CONFLICT: `class_names` for a raster that has no such values.
    """
    given = reading.class_names or {}
    band = _band_of_classes(opened)
    if given:
        _require_possible(given, opened, band)
    stated = _stated(opened, band) if band is not None else {}
    if given:
        found = RasterClass.CATEGORICAL
    else:
        found = classification or _class_of(opened, sample(), band=band, stated=stated)
    if found is not RasterClass.CATEGORICAL:
        return Meaning(found)
    return Meaning(found, _merged(stated, given))


def _class_of(
    opened: OpenRaster, sample: Sample, *, band: int | None, stated: Mapping[int, NamedClass]
) -> RasterClass:
    """Names make classes only where every value has one: some files measure, and name what they could not."""
    if band is not None and stated:
        values = np.unique(sample.band(band))
        if values.size and np.isin(values, list(stated)).all():
            return RasterClass.CATEGORICAL
    return classify(opened, sample)


def _band_of_classes(opened: OpenRaster) -> int | None:
    """The only band beside an alpha band, if it holds integers."""
    colors = opened.pixels.colorinterp
    measured = [number for number, color in enumerate(colors, start=1) if color.name != "alpha"]
    if len(measured) != 1 or np.dtype(opened.pixels.dtypes[measured[0] - 1]).kind not in "iu":
        return None
    return measured[0]


def _stated(opened: OpenRaster, band: int) -> dict[int, NamedClass]:
    """What the file says, by value; nothing where it names more values than a legend can."""
    found = dict[int, NamedClass]()
    for named in _in_file(opened, band):
        found.setdefault(named.value, named)
        if len(found) > MAX_CLASSES:
            return {}
    return found


def _in_file(opened: OpenRaster, band: int) -> Iterable[NamedClass]:
    source = opened.source
    if source.format is not GEOTIFF:
        return opened.header.flags
    return classes_in(gdal_metadata(source.read, size_bytes=source.size_bytes), band=band)


def _require_possible(given: Mapping[int, str], opened: OpenRaster, band: int | None) -> None:
    if band is None:
        raise PermanentTaskError(
            "class_names is for rasters of one band of integers, and this is none.",
            code="OPTIONS_CONFLICT",
            remedy="Leave out class_names.",
            context={"dtypes": list(opened.description.dtypes)},
        )
    limits = np.iinfo(opened.pixels.dtypes[band - 1])
    outside = [value for value in given if not limits.min <= value <= limits.max]
    if outside:
        raise PermanentTaskError(
            f"Pixels of type {limits.dtype} cannot have the value {outside[0]}, which class_names names.",
            code="OPTIONS_CONFLICT",
            remedy="Name values that the pixels can have.",
            context={"dtype": str(limits.dtype), "values": outside},
        )


def _merged(stated: Mapping[int, NamedClass], given: Mapping[int, str]) -> tuple[NamedClass, ...]:
    """The client's names before those of the file, whose colours stay."""
    renamed = {
        value: NamedClass(value=value, name=name, color=stated[value].color if value in stated else None)
        for value, name in given.items()
    }
    merged = {**stated, **renamed}
    return tuple(merged[value] for value in sorted(merged)[:MAX_CLASSES])
