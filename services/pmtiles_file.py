"""PMTiles version 3: many tiles in one file, read by ranges. By the library, with what it leaves undone.

Specification: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pmtiles.writer import Writer

_MAX_ZOOM_AT = 101  # in the header


@contextmanager
def open_archive(target: Path) -> Iterator[Writer]:
    """The library's writer, which leaves its temporary file open unless it comes to its end."""
    with target.open("wb") as file:
        writer = Writer(file)
        try:
            yield writer
        finally:
            writer.tile_f.close()


def finish(
    writer: Writer, header: Mapping[str, object], metadata: Mapping[str, object], *, deepest: int
) -> None:
    """Write all that is not tiles. `deepest` is the zoom of the last tile.

    The library states the zoom at which the last run of equal tiles begins: of a single large area 0, and a
    viewer would ask for no deeper one.
    """
    writer.finalize(dict(header), dict(metadata))
    writer.f.seek(_MAX_ZOOM_AT)
    writer.f.write(bytes([deepest]))
