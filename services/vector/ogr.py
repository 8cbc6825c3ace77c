"""The second door: GDAL's vector drivers through pyogrio, three of them, no network, no message lost.

pyogrio is imported at the first use: it brings pandas and geopandas with it (about half a second), and
every app imports this module at its start.

Two things pyogrio does not offer are asked of the very libgdal that it is linked with. Which drivers may
open a file: all but those on the list are taken out of the process. What GDAL says while it reads: its
failures are swallowed there, although the data goes on without the geometry.
"""

import ctypes
import functools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.errors import PermanentTaskError
from services.vector.source import DRIVERS, SourceLayer

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 16_384
_ALLOWED_DRIVERS = frozenset({*DRIVERS.values(), "MEM"})
_OPTIONS = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "CPL_VSIL_CURL_HEADER_FILE_KVP_ENABLED": "NO",
    "GDAL_CACHEMAX": "128",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "GDAL_HTTP_TIMEOUT": "1",
    "GDAL_PAM_ENABLED": "NO",
    "OGR_GPKG_NUM_THREADS": "1",  # the listener below hears its own thread only
    "OGR_SQLITE_PRAGMA": "trusted_schema=0",
    "PROJ_NETWORK": "OFF",
}
_WARNING, _FAILURE = 2, 3  # CPLErr, port/cpl_error.h
_HARMLESS = ("organizePolygons() received a polygon with more than",)
_SHOWN_MESSAGES = 5


@dataclass(frozen=True, slots=True)
class LayerStream:
    """An open layer: its schema, and its features as Arrow batches, to be read once, in this thread.

    The geometry is the column `geometry_column`, as WKB. `crs` is a code or WKT, None when unknown.
    """

    crs: str | None
    geometry_column: str
    schema: "pa.Schema"
    batches: "Iterator[pa.RecordBatch]"


@contextmanager
def open_layer(
    layer: SourceLayer, *, columns: Sequence[str] | None = None, datetime_as_text: bool = False
) -> Iterator[LayerStream]:
    """Open a layer with its one driver. `columns` limits the attributes by their names (None: all).

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: GDAL cannot open it as what it should be;
            GEOMETRY_UNREADABLE or ENCODING_ERROR: GDAL complained while it read.
    """
    pyogrio, library = _gdal()
    with _listening(library) as messages, _as_task_errors(pyogrio):
        information = pyogrio.read_info(layer.path, layer=layer.ogr_name)
        if information["driver"] != layer.driver:
            raise _cannot_open(layer)
        # Without the name of the encoding, the Arrow interface hands out the bytes of a .dbf as they are.
        encoding = None if information["encoding"] == "UTF-8" else information["encoding"]
        with pyogrio.open_arrow(
            layer.path,
            layer=layer.ogr_name,
            columns=None if columns is None else list(columns),
            encoding=encoding,
            batch_size=BATCH_ROWS,
            use_pyarrow=True,
            datetime_as_string=datetime_as_text,
        ) as (meta, reader):
            yield LayerStream(
                crs=meta["crs"],
                geometry_column=meta["geometry_name"] or "wkb_geometry",
                schema=reader.schema,
                batches=_heard(reader, messages),
            )


def _heard(reader: Any, messages: "_Messages") -> "Iterator[pa.RecordBatch]":
    """The batches, each only if GDAL had nothing to say about it."""
    for batch in reader:
        messages.raise_if_any()
        if batch.num_rows:
            yield batch
    messages.raise_if_any()


@contextmanager
def _as_task_errors(pyogrio: Any) -> Iterator[None]:
    try:
        yield
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as exc:
        raise PermanentTaskError(
            "The file cannot be opened as the format that it claims to be.",
            code="CONTENT_MISMATCH",
            remedy="Check that the file is whole and opens in a GIS.",
        ) from exc


def _cannot_open(layer: SourceLayer) -> PermanentTaskError:
    return PermanentTaskError(
        f"The file is no {layer.format.value} that {layer.driver} reads.",
        code="CONTENT_MISMATCH",
        remedy="Check that the file is whole and opens in a GIS.",
    )


# -- libgdal ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Messages:
    """What GDAL said, in order, without what is harmless."""

    heard: list[str] = field(default_factory=list)

    def add(self, level: int, text: bytes) -> None:
        message = text.decode("utf-8", "replace")
        if level in (_WARNING, _FAILURE) and not message.startswith(_HARMLESS):
            self.heard.append(message)

    def raise_if_any(self) -> None:
        if not self.heard:
            return
        is_text = "converted" in self.heard[0] or "UTF-8" in self.heard[0]
        raise PermanentTaskError(
            "Reading the features was not possible without loss.",
            code="ENCODING_ERROR" if is_text else "GEOMETRY_UNREADABLE",
            remedy="Repair or re-export the file; the messages of the reader are in the context.",
            context={"messages": self.heard[:_SHOWN_MESSAGES], "message_count": len(self.heard)},
        )


_Handler = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int, ctypes.c_char_p)
_LISTENERS = threading.local()
_OURS = 0x6765  # marks our handler among others
_MOST_HANDLERS = 64
_SETUP = threading.Lock()


def _hear(level: int, _number: int, text: bytes) -> None:
    """A message of GDAL: to who listens in this thread, if anybody does."""
    messages: _Messages | None = getattr(_LISTENERS, "messages", None)
    if messages is not None:
        messages.add(level, text)


# What GDAL calls. It lives as long as the process: a handler that stays on a stack must stay callable.
_HANDLER = _Handler(_hear)


@contextmanager
def _listening(library: ctypes.CDLL) -> Iterator[_Messages]:
    """Collect what GDAL says in this thread (its stack of handlers is per thread)."""
    messages = _LISTENERS.messages = _Messages()
    library.CPLPushErrorHandlerEx(_HANDLER, _OURS)
    try:
        yield messages
    finally:
        _LISTENERS.messages = None
        _remove_handler(library)


def _remove_handler(library: ctypes.CDLL) -> None:
    """Take ours off the stack, and what lies on it: pyogrio 0.13 leaves its own when a file does not open."""
    for _ in range(_MOST_HANDLERS):
        is_ours = library.CPLGetErrorHandlerUserData() == _OURS
        library.CPLPopErrorHandler()
        if is_ours:
            return


def _gdal() -> tuple[Any, ctypes.CDLL]:
    """pyogrio and its libgdal, closed down once before the first file is opened."""
    with _SETUP:
        return _closed_down()


@functools.cache
def _closed_down() -> tuple[Any, ctypes.CDLL]:
    import pyogrio

    # Through the extension module: its own libgdal, and never that of another package.
    library = ctypes.CDLL(pyogrio._ogr.__file__)
    library.CPLPushErrorHandlerEx.argtypes = [_Handler, ctypes.c_void_p]
    library.CPLPushErrorHandlerEx.restype = None
    library.CPLGetErrorHandlerUserData.restype = ctypes.c_void_p
    library.GDALGetDriver.argtypes = [ctypes.c_int]
    library.GDALGetDriver.restype = ctypes.c_void_p
    library.GDALGetDriverShortName.argtypes = [ctypes.c_void_p]
    library.GDALGetDriverShortName.restype = ctypes.c_char_p
    library.GDALDeregisterDriver.argtypes = [ctypes.c_void_p]
    library.GDALDeregisterDriver.restype = None
    pyogrio.set_gdal_config_options(_OPTIONS)
    _deregister_other_drivers(library)
    return pyogrio, library


def _deregister_other_drivers(library: ctypes.CDLL) -> None:
    drivers = [library.GDALGetDriver(index) for index in range(library.GDALGetDriverCount())]
    for driver in drivers:
        if library.GDALGetDriverShortName(driver).decode() not in _ALLOWED_DRIVERS:
            library.GDALDeregisterDriver(driver)
