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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.vector import VectorReading
from services.vector import times
from services.vector.distinct_names import distinct, renaming_findings
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
            names = _names(meta, layer)
        schema, zones = names.schema(reader.schema), {}
        if unclear := times.without_zone(schema):
            stack.close()  # some drivers read the file from its beginning in every dataset of their own
            zones = _zones(layer, unclear, messages)
            as_text = any(zone is not times.Zone.NONE for zone in zones.values())
            meta, reader = stack.enter_context(_opened(layer, datetime_as_string=as_text))
        schema = times.schema_of(schema, zones)
        yield LayerStream(
            crs=meta["crs"],
            geometry_column=names.geometry,
            schema=schema,
            fid_column=names.fid,
            batches=times.converted(_with_names(_heard(reader, messages), schema), schema),
            findings=lambda: (*names.findings, *times.findings_of(zones)),
        )


@dataclass(frozen=True, slots=True)
class _Names:
    """What the columns of a layer are called: each by a name of its own.

    The first attribute of a name keeps it; others of that name, ids and geometries give way.
    """

    fid: str | None
    attributes: tuple[str, ...]
    geometry: str
    findings: tuple[Finding, ...]

    def schema(self, schema: "pa.Schema") -> "pa.Schema":
        """The columns of a schema of GDAL, in their order, under these names."""
        import pyarrow as pa

        names = [*([] if self.fid is None else [self.fid]), *self.attributes, self.geometry]
        return pa.schema(
            [
                pa.field(name, field.type, metadata=field.metadata)
                for name, field in zip(names, schema, strict=False)
            ]
        )


def _names(meta: dict[str, Any], layer: SourceLayer) -> _Names:
    """The names of a layer, decoded where they are the bytes of the file.

    Raises:
        UnicodeDecodeError: they are no text in the encoding of the layer.
    """
    attributes = tuple(str(name) for name in meta["fields"])
    if layer.encoding is not None:
        # pyogrio takes bytes of no known encoding as ISO 8859-1, which loses none of them.
        attributes = tuple(name.encode("iso8859-1").decode(layer.encoding) for name in attributes)
    geometry, fid = meta["geometry_name"] or "wkb_geometry", meta["fid_column"]
    *own, geometry, fid = distinct((*attributes, geometry, fid))
    findings = renaming_findings(attributes, tuple(own))
    return _Names(fid if layer.has_ids else None, tuple(own), geometry, findings)


def _with_names(batches: "Iterator[pa.RecordBatch]", schema: "pa.Schema") -> "Iterator[pa.RecordBatch]":
    """The batches under the names of the schema. Where their own are no UTF-8, no column can be had."""
    import pyarrow as pa

    for batch in batches:
        yield pa.RecordBatch.from_arrays(batch.to_struct_array().flatten(), names=schema.names)


def _zones(layer: SourceLayer, columns: Sequence[str], messages: "_Messages") -> dict[str, times.Zone]:
    """One pass over columns of times alone."""
    only = {"columns": list(columns), "read_geometry": False, "return_fids": False}
    with _opened(layer, datetime_as_string=True, **only) as (_, reader):
        return times.zones(_heard(reader, messages), columns)


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
