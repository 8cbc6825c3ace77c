"""GeoJSON before GDAL: text, references to the outside, and a count of what may be missing.

GDAL fetches the URL of a `crs` object of type `link` wherever it stands, and whatever drivers are
allowed; it reads member names without regard to case. So every `crs` object must be of a known, harmless
shape. Source: RFC 7946; the crs object is that of the GeoJSON specification of 2008, section 3.
"""

import codecs
import mmap
import re
from pathlib import Path

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat
from services.vector.layers import choose_layer
from services.vector.source import Census, SourceLayer

_CHUNK_BYTES = 2**20


def _spelled(word: str) -> bytes:
    """A pattern of `word` as JSON may spell it: either case, each letter plain or as a \\u escape."""
    letters = (f"(?:[{c.upper()}{c}]|\\\\u00(?:{ord(c.upper()):02x}|{ord(c):02x}))" for c in word.lower())
    return f'"{"".join(letters)}"\\s*:\\s*'.encode()


_CRS_OBJECT = re.compile(_spelled("crs") + rb"\{")
_NAME = rb'"(urn:ogc:def:crs:(?:EPSG|OGC):[0-9.]*:[A-Za-z0-9]+|EPSG:[0-9]+|OGC:CRS[0-9]+h?)"'
_TYPE_MEMBER = rb'"type"\s*:\s*"name"'
_PROPERTIES_MEMBER = rb'"properties"\s*:\s*\{\s*"name"\s*:\s*' + _NAME + rb"\s*\}"
_NAMED_CRS = re.compile(
    rb"\{\s*(?:" + _TYPE_MEMBER + rb"\s*,\s*" + _PROPERTIES_MEMBER
    + rb"|" + _PROPERTIES_MEMBER + rb"\s*,\s*" + _TYPE_MEMBER + rb")\s*\}"
)  # fmt: skip
_NULL_GEOMETRY = re.compile(_spelled("geometry") + rb"null")
_EMPTY_GEOMETRY = re.compile(
    rb"(?:" + _spelled("coordinates") + rb"|" + _spelled("geometries") + rb")\[[\s\[\],]*\]\s*[,}]"
)
_NOT_A_NUMBER = re.compile(rb"[\[,:]\s*-?(?:NaN|Infinity)\s*[,\]}]", re.IGNORECASE)
_NUL_CHARACTER = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def admit(path: Path, *, name: str, layer: str | None) -> SourceLayer:
    """The only layer of a GeoJSON file; it is named like the file.

    Raises:
        PermanentTaskError: ENCODING_ERROR, CRS_UNKNOWN, GEOMETRY_UNREADABLE or LAYER_NOT_FOUND.
    """
    choose_layer([name], layer)
    _check_text(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        declared_crs = _named_crs(text)
        _check_values(text)
        census = Census(
            feature_count=None,
            null_geometry_limit=_count(_NULL_GEOMETRY, text),
            empty_geometry_limit=_count(_EMPTY_GEOMETRY, text),
        )
    return SourceLayer(
        format=VectorFormat.GEOJSON, path=path, name=name, census=census, declared_crs=declared_crs
    )


def _count(pattern: re.Pattern[bytes], text: mmap.mmap) -> int:
    return sum(1 for _ in pattern.finditer(text))


def _check_text(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as exc:
        raise PermanentTaskError(
            "The file is not valid UTF-8.",
            code="ENCODING_ERROR",
            remedy="Save the file as UTF-8, as RFC 8259 asks for JSON.",
        ) from exc


def _named_crs(text: mmap.mmap) -> str | None:
    """The CRS that the file names, None if it names none.

    Raises:
        PermanentTaskError: CRS_UNKNOWN: a crs object of another form, or two different names.
    """
    names: set[str] = set()
    for found in _CRS_OBJECT.finditer(text):
        named = _NAMED_CRS.match(text, found.end() - 1)
        if named is None:
            raise _unknown_crs("A crs object is not of the form that names a CRS by its code.")
        names.add((named[1] or named[2]).decode("ascii"))
    if len(names) > 1:
        raise _unknown_crs("The file names more than one CRS.")
    return names.pop() if names else None


def _unknown_crs(message: str) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="CRS_UNKNOWN",
        remedy='Remove the crs objects (RFC 7946: WGS 84), or use one {"type": "name", "properties": '
        '{"name": "urn:ogc:def:crs:EPSG::<code>"}} beside "features". Links are never followed.',
    )


def _check_values(text: mmap.mmap) -> None:
    if found := _NOT_A_NUMBER.search(text):
        raise PermanentTaskError(
            "The file holds NaN or Infinity, which are no JSON numbers.",
            code="GEOMETRY_UNREADABLE",
            remedy="Write null for missing values, and remove features without a position.",
            context={"byte_offset": found.start()},
        )
    if found := _NUL_CHARACTER.search(text):
        raise PermanentTaskError(
            "A text holds the character U+0000, which would cut it short.",
            code="ENCODING_ERROR",
            remedy="Remove the character from the texts.",
            context={"byte_offset": found.start()},
        )
