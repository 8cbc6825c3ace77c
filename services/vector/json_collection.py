"""A sequence of GeoJSON features as one collection, for what only the driver of collections can do."""

from pathlib import Path

_SEPARATOR = b"\x1e"


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
