"""Options of GDAL's drivers that hold for one file only."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from services.vector import ogr


@contextmanager
def gdal_options(options: Mapping[str, str]) -> Iterator[None]:
    """Within the block they are set, in this thread alone."""
    library = ogr.library()
    for name, value in options.items():
        library.CPLSetThreadLocalConfigOption(name.encode(), value.encode())
    try:
        yield
    finally:
        for name in options:
            library.CPLSetThreadLocalConfigOption(name.encode(), None)
