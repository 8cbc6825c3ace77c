"""The names of classes as files write them. Pure."""

import re
from collections.abc import Iterator, Mapping

from core.task_models.raster import MAX_CLASS_NAME, NamedClass

_NUMBER = re.compile(r"-?[0-9]+")


def cleaned_name(text: str) -> str:
    """In one line without control characters, cut to what a legend can hold; empty for none."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line[:MAX_CLASS_NAME].rstrip()


def classes_of_flags(tags: Mapping[str, str]) -> Iterator[NamedClass]:
    """The flags of a netCDF variable (CF 1.11, section 3.5), from its attributes as GDAL gives them.

    Flags with masks are bits, of which several may be set: no classes.
    """
    values = _NUMBER.findall(tags.get("flag_values", ""))
    meanings = tags.get("flag_meanings", "").split()
    if "flag_masks" in tags or len(values) != len(meanings):
        return
    for value, meaning in zip(values, meanings, strict=True):
        if name := cleaned_name(meaning.replace("_", " ")):
            yield NamedClass(value=int(value), name=name)
