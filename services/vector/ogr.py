"""The second door: GDAL's vector drivers through pyogrio, one for each format, no network, no message lost.

pyogrio is imported at the first use: it brings pandas and geopandas with it (about half a second), and
every app imports this module at its start.

Two things pyogrio does not offer are asked of the very libgdal that it is linked with. Which driver may
open a file: all others are taken out of the process while it opens. And what GDAL says while it reads: its
failures are swallowed there, although the data goes on without the geometry. Curves arrive as curves and are
made straight, and counted, behind this module (see `plain_wkb`).
"""

import ctypes
import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat, VectorReading
from services.vector import times
from services.vector.json_collection import as_collection, has_plain_times
from services.vector.mixed_types import MixedTypes
from services.vector.ogr_names import OgrNames, names_of, renamed
from services.vector.source import GDAL_DRIVERS, SourceLayer
from services.vector.stream import LayerStream

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 16_384
_BATCH_BYTES = 64 * 2**20
# What may read files from outside, and write ours: CSV and PMTiles do the latter alone.
_ALLOWED_DRIVERS = frozenset({*GDAL_DRIVERS.values(), "CSV", "PMTiles", "MEM"})
_OPTIONS = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "CPL_VSIL_CURL_HEADER_FILE_KVP_ENABLED": "NO",
    "GDAL_CACHEMAX": "128",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "GDAL_HTTP_TIMEOUT": "1",
    "GDAL_PAM_ENABLED": "NO",
    "OGR_ARROW_MEM_LIMIT": str(_BATCH_BYTES),  # a batch ends there, however few rows it has
    "OGR_FLATGEOBUF_STREAM_BASE_IMPL": "YES",  # the driver's own mixes up rows behind a null geometry
    "OGR_GPKG_NUM_THREADS": "1",  # the listener below hears its own thread only
    "OGR_SQLITE_PRAGMA": "trusted_schema=0",
    "PROJ_NETWORK": "OFF",
}
_SEQUENCE = "GeoJSONSeq"
_JSON_DRIVERS = ("GeoJSON", _SEQUENCE)
_PREFIXES = {"GeoJSONSeq": "GeoJSONSeq:"}  # without it a sequence of one feature is not taken for one
_WARNING, _FAILURE = 2, 3  # CPLErr, port/cpl_error.h
_HARMLESS = (
    "organizePolygons() received a polygon with more than",
    "Non closed ring detected",  # it is handed out as it is; the cleaning closes it, and counts it
    "JSON parsing error: continue (at offset ",  # a blank line of a sequence; `geojsonseq` counts the others
    "Non-conformant content for record ",  # `geopackage_values` has tried them all; GDAL warns of one only
    "Several features with id = ",  # the finding IDS_NOT_UNIQUE says it (`json_members`)
)
# GDAL takes outer rings that go the wrong way for what they are; the cleaning turns and counts them.
_HARMLESS_WITHIN = ("with invalid winding order. Autocorrecting them",)
_SHOWN_MESSAGES = 5


@contextmanager
def read(
    layer: SourceLayer,
    *,
    reading: VectorReading | None = None,  # noqa: ARG001 (one shape for all)
) -> Iterator[LayerStream]:
    """Open a layer with its one driver. Texts are the bytes of the file where the layer has an `encoding`.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: GDAL cannot open it as what it should be;
            GEOMETRY_UNREADABLE or ENCODING_ERROR: GDAL complained while it read.
    """
    with _listening(library()) as messages, ExitStack() as stack:
        meta, reader = stack.enter_context(_opened(layer))
        with _as_task_errors(_gdal()[0]):
            names = names_of(meta, layer)
        schema, found, mixed = names.schema(reader.schema), times.TimeColumns(), MixedTypes()
        are_kept = layer.driver == _SEQUENCE and bool(times.temporal(schema)) and has_plain_times(layer.path)
        if columns := _times(layer, schema, are_kept=are_kept):
            stack.close()  # some drivers read the file from its beginning in every dataset of their own
            layer, as_texts = _with_texts(layer, are_kept=are_kept)
            if layer.has_fine_times:
                found = times.declared(columns)
            else:
                found = _look(layer, names, schema, columns=columns, messages=messages, **as_texts)
            meta, reader = stack.enter_context(_opened(layer, **as_texts))
            assert tuple(meta["fields"]) == names.given
            schema = found.schema(names.schema(reader.schema))
        batches = found.read(renamed(_heard(reader, messages), schema.names), schema)
        yield LayerStream(
            crs=meta["crs"],
            geometry_column=names.geometry,
            schema=schema,
            fid_column=names.fid,
            batches=mixed.as_json(batches) if layer.driver in _JSON_DRIVERS else batches,
            findings=lambda: (*names.findings, *found.findings(), *mixed.findings()),
        )


def _times(layer: SourceLayer, schema: "pa.Schema", *, are_kept: bool) -> list[str]:
    """The columns of a layer that GDAL may make other times of than those that stand in the file."""
    if (layer.driver in _JSON_DRIVERS and not are_kept) or layer.as_written:
        return times.temporal(schema)
    return times.moments(schema) if layer.has_fine_times else times.without_zone(schema)


def _with_texts(layer: SourceLayer, *, are_kept: bool) -> tuple[SourceLayer, dict[str, Any]]:
    """The layer, and the options with which GDAL hands out the texts of its times.

    Of a sequence it has none: read as one collection, it is the same.
    """
    if layer.driver not in _JSON_DRIVERS or are_kept:
        return layer, {"datetime_as_string": True}
    if layer.driver == _SEQUENCE:
        layer = replace(layer, format=VectorFormat.GEOJSON, path=as_collection(layer.path))
    return layer, {"DATE_AS_STRING": "YES"}


def _look(
    layer: SourceLayer,
    names: OgrNames,
    schema: "pa.Schema",
    *,
    columns: Sequence[str],
    messages: "_Messages",
    **as_texts: Any,
) -> times.TimeColumns:
    """One pass over columns of times alone, or over all if GDAL cannot tell their names from others.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: it cannot hand them out as they are.
    """
    has_twins = len({name.casefold() for name in names.given}) < len(names.given)
    chosen = [at for at, name in enumerate(names.attributes) if has_twins or name in columns]
    only = {} if has_twins else {"columns": [names.given[at] for at in chosen]}
    with (
        gdal_options(dict(layer.as_written)),
        _opened(layer, read_geometry=False, return_fids=False, **as_texts, **only) as (meta, reader),
    ):
        assert list(meta["fields"]) == [names.given[at] for at in chosen]
        batches = renamed(_heard(reader, messages), [names.attributes[at] for at in chosen])
        found = times.TimeColumns.of(batches, schema, columns)
    if layer.as_written:
        found.refuse_others()
    return found


@contextmanager
def _opened(layer: SourceLayer, **options: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """What pyogrio says of a layer, and a reader of it."""
    pyogrio, library = _gdal()
    # For the bytes of a .dbf the driver is told that there is no encoding; see `shapefile`.
    encoding = {"encoding": "UTF-8"} if layer.encoding is None else {"ENCODING": ""}
    opening = pyogrio.open_arrow(
        f"{_PREFIXES.get(layer.driver, '')}{layer.path}",
        layer=layer.ogr_name,
        batch_size=BATCH_ROWS,
        use_pyarrow=True,
        **{"return_fids": layer.has_ids, **encoding, **dict(layer.open_options), **options},
    )
    with ExitStack() as stack:
        with _only(library, layer.driver), _as_task_errors(pyogrio):
            meta, reader = stack.enter_context(opening)
        yield meta, reader


def layer_names(path: Path, *, driver: str) -> list[tuple[str, bool]]:
    """The layers that a driver finds in a file, and whether they have geometries.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH or GEOMETRY_UNREADABLE.
    """
    pyogrio, library = _gdal()
    with _listening(library) as messages, _only(library, driver), _as_task_errors(pyogrio):
        found = pyogrio.list_layers(path).tolist()
        messages.raise_if_any()
    return [(str(name), kind is not None) for name, kind in found]


def library() -> ctypes.CDLL:
    """The libgdal that reads, with its drivers closed down."""
    return _gdal()[1]


@contextmanager
def writing() -> "Iterator[Callable[[], tuple[str, ...]]]":
    """Within the block files of ours may be written; the result tells what GDAL has said in this thread."""
    with _listening(library()) as messages:
        yield lambda: tuple(messages.heard)


def _heard(reader: Any, messages: "_Messages") -> "Iterator[pa.RecordBatch]":
    """The batches, each only if GDAL had nothing to say about it."""
    while (batch := _next(reader, messages)) is not None:
        messages.raise_if_any()
        if batch.num_rows:
            yield batch
    messages.raise_if_any()


def _next(reader: Any, messages: "_Messages") -> "pa.RecordBatch | None":
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None
    except (OSError, ValueError) as exc:  # what pyarrow makes of an error in the stream
        messages.add(_FAILURE, str(exc).encode())
        messages.raise_if_any()
        raise


@contextmanager
def _as_task_errors(pyogrio: Any) -> Iterator[None]:
    try:
        yield
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, IndexError) as exc:
        raise PermanentTaskError(
            "The file cannot be opened as the format that it claims to be.",
            code="CONTENT_MISMATCH",
            remedy="Check that the file is whole and opens in a GIS.",
        ) from exc
    except UnicodeDecodeError as exc:
        raise PermanentTaskError(
            "A name of a column is no text in the encoding of the file.",
            code="ENCODING_ERROR",
            remedy="Rename the columns in plain letters, or say the right encoding.",
        ) from exc


@contextmanager
def gdal_options(options: Mapping[str, str]) -> Iterator[None]:
    """Within the block, options that hold for one file only are set, in this thread alone."""
    libgdal = library()
    for name, value in options.items():
        libgdal.CPLSetThreadLocalConfigOption(name.encode(), value.encode())
    try:
        yield
    finally:
        for name in options:
            libgdal.CPLSetThreadLocalConfigOption(name.encode(), None)


# -- libgdal ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Messages:
    """What GDAL said, in order, without what is harmless."""

    heard: list[str] = field(default_factory=list)

    def add(self, level: int, text: bytes) -> None:
        message = text.decode("utf-8", "replace")
        if level in (_WARNING, _FAILURE) and not _is_harmless(message):
            self.heard.append(message)

    def raise_if_any(self) -> None:
        if not self.heard:
            return
        is_text = "converted" in self.heard[0] or "UTF-8" in self.heard[0]
        raise _unreadable(self.heard, code="ENCODING_ERROR" if is_text else "GEOMETRY_UNREADABLE")


def _is_harmless(message: str) -> bool:
    return message.startswith(_HARMLESS) or any(words in message for words in _HARMLESS_WITHIN)


def _unreadable(messages: list[str], *, code: str = "GEOMETRY_UNREADABLE") -> PermanentTaskError:
    return PermanentTaskError(
        "Reading the features was not possible without loss.",
        code=code,
        remedy="Repair or re-export the file; the messages of the reader are in the context.",
        context={"messages": messages[:_SHOWN_MESSAGES], "message_count": len(messages)},
    )


Handler = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int, ctypes.c_char_p)
_LISTENERS = threading.local()
_OURS = 0x6765  # marks our handler among others
_MOST_HANDLERS = 64
_SETUP, _OPENING = threading.Lock(), threading.Lock()


def _hear(level: int, _number: int, text: bytes) -> None:
    """A message of GDAL: to who listens in this thread, if anybody does."""
    messages: _Messages | None = getattr(_LISTENERS, "messages", None)
    if messages is not None:
        messages.add(level, text)


# What GDAL calls. It lives as long as the process: a handler that stays on a stack must stay callable.
_HANDLER = Handler(_hear)


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
    library.CPLPushErrorHandlerEx.argtypes = [Handler, ctypes.c_void_p]
    library.CPLPushErrorHandlerEx.restype = None
    library.CPLGetErrorHandlerUserData.restype = ctypes.c_void_p
    library.GDALGetDriver.argtypes = [ctypes.c_int]
    library.GDALGetDriver.restype = ctypes.c_void_p
    library.GDALGetDriverShortName.argtypes = [ctypes.c_void_p]
    library.GDALGetDriverShortName.restype = ctypes.c_char_p
    library.GDALDeregisterDriver.argtypes = [ctypes.c_void_p]
    library.GDALDeregisterDriver.restype = None
    library.GDALRegisterDriver.argtypes = [ctypes.c_void_p]
    pyogrio.set_gdal_config_options(_OPTIONS)
    for driver in _drivers(library):
        if _name_of(library, driver) not in _ALLOWED_DRIVERS:
            library.GDALDeregisterDriver(driver)
    return pyogrio, library


@contextmanager
def _only(library: ctypes.CDLL, name: str) -> Iterator[None]:
    """Within the block, files are opened by this driver alone. One thread at a time."""
    with _OPENING:
        others = [driver for driver in _drivers(library) if _name_of(library, driver) not in (name, "MEM")]
        for driver in others:
            library.GDALDeregisterDriver(driver)
        try:
            yield
        finally:
            for driver in others:
                library.GDALRegisterDriver(driver)


def _drivers(library: ctypes.CDLL) -> list[int]:
    return [library.GDALGetDriver(index) for index in range(library.GDALGetDriverCount())]


def _name_of(library: ctypes.CDLL, driver: int) -> str:
    name: bytes = library.GDALGetDriverShortName(driver)
    return name.decode("ascii")
