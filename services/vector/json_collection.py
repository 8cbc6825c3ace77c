"""A sequence of GeoJSON features as one collection, for what only the driver of collections can do."""

import re
from pathlib import Path

_SEPARATOR = b"\x1e"
_BLOCK_BYTES = 4 * 2**20
_OVERLAP_BYTES = 64  # no match is longer
# 29 February is left to whoever knows the years.
_DAY = (
    rb"(?!0000)[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    rb"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_CLOCK = rb"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,3})?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
# What begins like a day, a time or an escaped digit, and is not plainly a day or a time that GDAL keeps.
_ODD = re.compile(
    rb'"(?=\s*[+-]?[0-9]{0,5}(?:\\|[-/:][0-9]))(?=\s*[+-]?(?:[0-9]|\\))(?!'
    + _DAY
    + rb"(?:"
    + _CLOCK
    + rb')?")'
)
_BARE_DAY, _TIME = re.compile(rb'"' + _DAY + rb'"'), re.compile(rb'"' + _DAY + rb"T")


def has_plain_times(path: Path) -> bool:
    """Whether GDAL keeps all texts that could be times: all are days, or all times to the millisecond."""
    days = times = False
    tail = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            text = tail + block
            days = days or _BARE_DAY.search(text) is not None
            times = times or _TIME.search(text) is not None
            # a text that the block cuts off is looked at again with the next one
            odd = _ODD.search(text)
            if (days and times) or (odd and odd.start() < len(text) - _OVERLAP_BYTES):
                return False
            tail = text[-_OVERLAP_BYTES:]
    return _ODD.search(tail) is None


def as_collection(path: Path) -> Path:
    """The features of a sequence, which is one, in a new file beside it. Source: RFC 7946 and 8142."""
    target = path.with_suffix(".collection")
    with path.open("rb") as file, target.open("wb") as collection:
        has_separators = file.read(1) == _SEPARATOR
        file.seek(0)
        is_first, begins = True, True
        collection.write(b'{"type": "FeatureCollection", "features": [\n')
        for line in file:
            for number, part in enumerate(line.split(_SEPARATOR)):
                begins |= bool(number) or not has_separators
                if not part.strip():
                    continue
                collection.write(part if is_first or not begins else b"," + part)
                is_first = begins = False
        collection.write(b"]}\n")
    return target
