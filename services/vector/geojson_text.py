"""What the text of GeoJSON holds that GDAL would fetch, overlook or take for something else.

GDAL fetches the URL of a `crs` object of type `link` wherever it stands, and whatever drivers are
allowed; it reads member names without regard to case. So every `crs` object must be of a known, harmless
shape. Source: RFC 7946; the crs object is that of the GeoJSON specification of 2008, section 3.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from core.errors import PermanentTaskError
from services.vector.source import Census

_BLOCK_BYTES = 4 * 2**20
_OVERLAP_BYTES = 2**16  # no match that counts is longer
_LONGEST_CRS_BYTES = 2**12


def _spelled(word: str) -> bytes:
    """A pattern of the name `word` as JSON may spell it: in either case, letters plain or as \\u escapes."""
    letters = (f"(?:[{c.upper()}{c}]|\\\\u00(?:{ord(c.upper()):02x}|{ord(c):02x}))" for c in word.lower())
    return f'"{"".join(letters)}"'.encode()


_CRS_KEY = re.compile(_spelled("crs"))
_CRS_BEGINS = re.compile(rb"\s*:\s*")
_NAME = rb'"(urn:ogc:def:crs:(?:EPSG|OGC):[0-9.]*:[A-Za-z0-9]+|EPSG:[0-9]+|OGC:CRS[0-9]+h?)"'
_TYPE_MEMBER = rb'"type"\s*:\s*"name"'
_PROPERTIES_MEMBER = rb'"properties"\s*:\s*\{\s*"name"\s*:\s*' + _NAME + rb"\s*\}"
_NAMED_CRS = re.compile(
    rb"\{\s*(?:" + _TYPE_MEMBER + rb"\s*,\s*" + _PROPERTIES_MEMBER
    + rb"|" + _PROPERTIES_MEMBER + rb"\s*,\s*" + _TYPE_MEMBER + rb")\s*\}"
)  # fmt: skip
_NULL_GEOMETRY = re.compile(_spelled("geometry") + rb"\s*:\s*null")
_EMPTY_GEOMETRY = re.compile(
    rb"(?:" + _spelled("coordinates") + rb"|" + _spelled("geometries") + rb")\s*:\s*\[[\s\[\],]*\]\s*[,}]"
)
_NUL_CHARACTER = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def census(path: Path, *, feature_count: int | None) -> Census:
    """The count, and how many geometries the text itself says are null or empty."""
    return Census(
        feature_count=feature_count,
        null_geometry_limit=partial(_count, _NULL_GEOMETRY, path),
        empty_geometry_limit=partial(_count, _EMPTY_GEOMETRY, path),
    )


def check_values(path: Path, *, words: set[bytes], not_a_number: int | None) -> None:
    """Refuse what is no JSON and passes for it. `words` and `not_a_number` are what `JsonScan` has found.

    Raises:
        PermanentTaskError: GEOMETRY_UNREADABLE: NaN or Infinity; ENCODING_ERROR: U+0000.
    """
    if not_a_number is not None:
        raise PermanentTaskError(
            "The file holds NaN or Infinity, which are no JSON numbers.",
            code="GEOMETRY_UNREADABLE",
            remedy="Write null for missing values, and remove features without a position.",
            context={"byte_offset": not_a_number},
        )
    if b"\\u" in words and (offset := _first(_NUL_CHARACTER, path)) is not None:
        raise PermanentTaskError(
            "A text holds the character U+0000, which would cut it short.",
            code="ENCODING_ERROR",
            remedy="Remove the character from the texts.",
            context={"byte_offset": offset},
        )


def named_crs(path: Path, *, words: set[bytes]) -> str | None:
    """The CRS that the file names, None if it names none. `words` are those that occur (see `JsonScan`).

    Raises:
        PermanentTaskError: CRS_UNKNOWN: a crs object of another form, or two different names.
    """
    names: set[str] = set()
    if not words & {b"crs", b"\\u"}:
        return None
    for content, found, _ in _matches(_CRS_KEY, path):
        if name := _name_at(content, found.end()):
            names.add(name)
        if len(names) > 1:
            raise _unknown_crs("The file names more than one CRS.")
    return names.pop() if names else None


def _name_at(content: bytes, position: int) -> str | None:
    """The name in the crs object that is the value of the key before `position`, None if it is no object."""
    begins = _CRS_BEGINS.match(content, position)
    if begins is None:
        # No member at all, unless what would make it one lies far behind.
        if content[position : position + _LONGEST_CRS_BYTES].strip() or position == len(content):
            return None
        raise _unknown_crs("A crs object is spread over too many spaces.")
    if begins.end() - position > _LONGEST_CRS_BYTES:
        raise _unknown_crs("A crs object is spread over too many spaces.")
    if content[begins.end() : begins.end() + 1] != b"{":
        return None
    named = _NAMED_CRS.match(content, begins.end())
    if named is None:
        raise _unknown_crs("A crs object is not of the form that names a CRS by its code.")
    return (named[1] or named[2]).decode("ascii")


def _unknown_crs(message: str) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="CRS_UNKNOWN",
        remedy='Remove the crs objects (RFC 7946: WGS 84), or use one {"type": "name", "properties": '
        '{"name": "urn:ogc:def:crs:EPSG::<code>"}} beside "features". Links are never followed.',
    )


def _count(pattern: re.Pattern[bytes], path: Path) -> int:
    return sum(1 for _ in _matches(pattern, path))


def _first(pattern: re.Pattern[bytes], path: Path) -> int | None:
    return next((offset for _, _, offset in _matches(pattern, path)), None)


def _matches(pattern: re.Pattern[bytes], path: Path) -> Iterator[tuple[bytes, re.Match[bytes], int]]:
    """Every match with the bytes around it (at least `_OVERLAP_BYTES` behind its begin) and its offset."""
    ahead, start = b"", 0
    with path.open("rb") as file:
        while True:
            new = file.read(_BLOCK_BYTES)
            content = ahead + new
            size = max(len(content) - _OVERLAP_BYTES, 0) if new else len(content)
            for found in pattern.finditer(content):
                if found.start() >= size:
                    break
                yield content, found, start + found.start()
            if not new:
                return
            ahead, start = content[size:], start + size
