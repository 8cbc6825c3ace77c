"""The raster attribute table in the metadata of a GeoTIFF: which values are classes, and what they mean.

GDAL writes it there since 3.12; older versions, and category names in all of them, go into a file beside the
TIFF, which is not read here. The GDAL that reads the pixels is older and does not know of it.
Source: GDAL's GeoTIFF driver, "Metadata"; "Raster data model", raster attribute tables, for the numbers of
usages and types.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from core.task_models.raster import RGBA, NamedClass
from services.raster.class_names import cleaned_name

_NAME, _MIN, _MAX, _MIN_MAX = "2", "3", "4", "5"
_RED, _GREEN, _BLUE, _ALPHA = "6", "7", "8", "9"
_TEXT = "2"
_OPAQUE = 255


def classes_in(metadata: bytes, *, band: int) -> Iterator[NamedClass]:
    """The rows that name a single value of the band (from 1), as far as they can be understood.

    A table of ranges, or one that GDAL calls athematic, speaks of measurements.
    """
    table = _table(metadata, band)
    columns = _columns(table) if table is not None else None
    if table is None or columns is None:
        return
    for row in table.iterfind("Row"):
        named = _named([cell.text or "" for cell in row.iterfind("F")], columns)
        if named is not None:
            yield named


@dataclass(frozen=True, slots=True)
class _Columns:
    """Their positions: of the value (lowest and highest), the name, and the colour if there is one."""

    low: int
    high: int
    name: int
    color: tuple[int, ...]


def _table(metadata: bytes, band: int) -> ET.Element | None:
    """The text is decoded here, so that no encoding that it names for itself can hide a DOCTYPE."""
    try:
        text = metadata.decode("utf-8")
        root = ET.fromstring(text) if "<!" not in text else None  # noqa: S314 - no entities without these
    except (UnicodeDecodeError, ET.ParseError):
        return None
    for item in root.iterfind("Item") if root is not None else ():
        if item.get("role") == "rat" and item.get("sample") == str(band - 1):
            table = item.find("GDALRasterAttributeTable")
            is_thematic = table is not None and table.get("tableType", "thematic") == "thematic"
            return table if is_thematic else None
    return None


def _columns(table: ET.Element) -> _Columns | None:
    fields = [(field.findtext("Type"), field.findtext("Usage")) for field in table.iterfind("FieldDefn")]
    place: Mapping[str | None, int] = {usage: at for at, (_, usage) in reversed(list(enumerate(fields)))}
    texts = [at for at, (kind, _) in enumerate(fields) if kind == _TEXT]
    low, high = (place.get(_MIN_MAX, place.get(usage)) for usage in (_MIN, _MAX))
    name = place.get(_NAME, texts[0] if len(texts) == 1 else None)
    if low is None or high is None or name is None:
        return None
    color = tuple(place[usage] for usage in (_RED, _GREEN, _BLUE, _ALPHA) if usage in place)
    return _Columns(low, high, name, color if {_RED, _GREEN, _BLUE} <= place.keys() else ())


def _named(cells: Sequence[str], columns: _Columns) -> NamedClass | None:
    if len(cells) <= max(columns.low, columns.high, columns.name, *columns.color):
        return None
    value, name = _integer(cells[columns.low]), cleaned_name(cells[columns.name])
    if value is None or value != _integer(cells[columns.high]) or not name:
        return None
    return NamedClass(value=value, name=name, color=_color([cells[at] for at in columns.color]))


def _color(cells: Sequence[str]) -> RGBA | None:
    parts = [part for cell in cells if (part := _integer(cell)) is not None and 0 <= part <= _OPAQUE]
    if not parts or len(parts) < len(cells):
        return None
    red, green, blue, alpha = (*parts, _OPAQUE)[:4]
    return red, green, blue, alpha


def _integer(text: str) -> int | None:
    """Also of a column of real numbers."""
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None
