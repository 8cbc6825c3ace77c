"""rio-tiler's reader on a raster that stays open."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import attr
from rio_tiler.io import Reader

from triggers.serving.reading.open_rasters import OpenRasters


@dataclass(frozen=True, slots=True)
class Cog:
    """A published COG by GDAL's name, and who lends it."""

    path: str
    rasters: OpenRasters = field(repr=False)

    @contextmanager
    def open(self) -> Iterator[Any]:
        """The dataset, for the caller alone, by the GTiff driver.

        Raises:
            RasterioIOError: it is not there, or no GeoTIFF.
        """
        with self.rasters.borrow(self.path, driver="GTiff") as dataset:
            yield dataset


@attr.s
class CogReader(Reader):
    """Reads its `input`, a `Cog`; closed, it gives the dataset back.

    Raises:
        RasterioIOError: the file is not there, or is no GeoTIFF.
    """

    def __attrs_post_init__(self) -> None:
        cog: Any = self.input  # `attr` lets no subclass declare it anew
        self.dataset = self._ctx_stack.enter_context(cog.open())
        super().__attrs_post_init__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        """Give the dataset back, or let it be closed where reading failed."""
        self._ctx_stack.__exit__(*error)


def read_cog(cog: Cog, **options: Any) -> CogReader:
    """The reader of a COG, to be closed by its caller; `options` are those of rio-tiler's reader."""
    source: Any = cog
    return CogReader(source, **options)
