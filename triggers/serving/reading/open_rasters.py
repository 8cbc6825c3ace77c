"""Rasters that stay open between requests.

To open a COG in blob storage costs a request or two, and what GDAL has decoded of it is gone when it is
closed. A published blob never changes under its name, so an open one is never out of date; only the access
that it was opened with may come to an end.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import rasterio
from rasterio.errors import RasterioError

# Azure's tokens are good for five minutes at the least when they are handed out.
_MOST_SECONDS_OPEN = 240.0
_MOST_IDLE = 64


@dataclass(slots=True)
class _Opened:
    """A raster and when it was opened."""

    dataset: Any
    since: float


@dataclass(slots=True)
class OpenRasters:
    """Lends open rasters, each to one borrower at a time, as GDAL's datasets may not be shared by threads.

    Args:
        most_idle: how many rasters stay open that nobody uses; those longest unused go first.
        seconds: how long a raster may stay open.
    """

    most_idle: int = _MOST_IDLE
    seconds: float = _MOST_SECONDS_OPEN
    clock: Callable[[], float] = time.monotonic
    _idle: OrderedDict[tuple[str, str], list[_Opened]] = field(default_factory=OrderedDict)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def borrow(self, name: str, *, driver: str) -> Iterator[Any]:
        """The raster of this name, opened by this driver alone: no content of a file can choose another.

        The caller stands in a `rasterio.Env` that gives access to it. A raster that could not be
        read is not lent again.

        Raises:
            RasterioIOError: it is not there, or not of this driver.
        """
        key = (name, driver)
        opened = self._take(key) or _Opened(rasterio.open(name, driver=driver), self.clock())
        try:
            yield opened.dataset
        except RasterioError:
            opened.dataset.close()
            raise
        except BaseException:
            self._give_back(key, opened)
            raise
        self._give_back(key, opened)

    def close(self) -> None:
        """Close those that nobody uses."""
        with self._lock:
            idle = [opened for kept in self._idle.values() for opened in kept]
            self._idle.clear()
            self._count = 0
        for opened in idle:
            opened.dataset.close()

    def _take(self, key: tuple[str, str]) -> _Opened | None:
        with self._lock:
            kept = self._idle.get(key)
            if not kept:
                return None
            opened = kept.pop()
            self._count -= 1
            if not kept:
                del self._idle[key]
        if self.clock() - opened.since <= self.seconds:
            return opened
        opened.dataset.close()
        return None

    def _give_back(self, key: tuple[str, str], opened: _Opened) -> None:
        surplus: list[_Opened] = []
        with self._lock:
            self._idle.setdefault(key, []).append(opened)
            self._idle.move_to_end(key)
            self._count += 1
            while self._count > self.most_idle:
                oldest = next(iter(self._idle))
                surplus.append(self._idle[oldest].pop(0))
                self._count -= 1
                if not self._idle[oldest]:
                    del self._idle[oldest]
        for unused in surplus:
            unused.dataset.close()
