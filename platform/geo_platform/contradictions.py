"""What only shows when the single fields of a body are right."""

from collections.abc import Callable, Collection, Iterable, Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Protocol

from geo_platform import raster_processing, vector_processing
from geo_platform.bodies import DDHRequest, RasterCollectionRequest, VectorRequest
from geo_platform.field_errors import FieldError, field_error
from geo_platform.source import check_format, check_place
from geo_platform.states import DataType

_SOURCES = ("source_path", "blob_pattern", "blob_paths")
_MOST_NAMED = 20


class Rules(Protocol):
    """Where sources lie, and what is allowed here."""

    @property
    def source_container(self) -> str: ...

    @property
    def extras(self) -> Collection[DataType]: ...

    @property
    def collection_max_files(self) -> int: ...

    @property
    def colormaps(self) -> Callable[[], Collection[str]] | None: ...


def contradictions(request: DDHRequest, rules: Rules) -> Iterator[FieldError]:
    """All that is wrong with fields that are right by themselves."""
    if isinstance(request, RasterCollectionRequest):
        yield from _of_collection(request, rules)
    else:
        yield from _of_sources([("source_path", request.source_path)], request.request_type, rules)
    if isinstance(request, VectorRequest):
        yield from _of_vector_options(request)
    else:
        yield from _of_raster_options(request.processing_config, _uris(request), rules)


def _of_sources(
    sources: Collection[tuple[str, str]], data_type: DataType, rules: Rules
) -> Iterator[FieldError]:
    """Of (field, URI) each; the place first, because nothing else counts for a foreign one."""
    for field, uri in sources:
        if problem := check_place(uri, rules.source_container):
            yield field_error(field, problem, code="SOURCE_INVALID")
        elif problem := _format_problem(uri, data_type, rules):
            yield field_error(field, problem, code="UNSUPPORTED_FORMAT")


def _format_problem(uri: str, data_type: DataType, rules: Rules) -> str | None:
    """A folder says nothing of formats, and a pattern only if it spells the extension out."""
    if data_type is DataType.RASTER_COLLECTION and not _spells_format(uri):
        return None
    return check_format(uri, data_type, extras=rules.extras)


def _spells_format(uri: str) -> bool:
    last = uri.rpartition("/")[2]
    return bool(last) and not set("*?") & set(last.rpartition(".")[2])


def _of_collection(request: RasterCollectionRequest, rules: Rules) -> Iterator[FieldError]:
    given = [name for name in _SOURCES if getattr(request, name) is not None]
    one_of = "Exactly one of source_path, blob_pattern and blob_paths says where the files lie."
    if not given:
        yield field_error("source_path", "Field required", code="VALIDATION_ERROR", hint=one_of)
    elif len(given) > 1:
        for name in given:
            message = f"{' and '.join(given)} are given"
            yield field_error(name, message, code="CONFLICTING_FIELDS", hint=one_of)
    else:
        yield from islice(_of_sources(_named_sources(request), request.request_type, rules), _MOST_NAMED)
    if len(request.blob_paths or ()) > rules.collection_max_files:
        message = f"at most {rules.collection_max_files} blobs are taken"
        yield field_error("blob_paths", message, code="VALIDATION_ERROR", hint="Submit it in parts.")


def _named_sources(request: RasterCollectionRequest) -> list[tuple[str, str]]:
    single = [(name, uri) for name in _SOURCES[:2] if (uri := getattr(request, name)) is not None]
    return single + [(f"blob_paths.{index}", uri) for index, uri in enumerate(request.blob_paths or ())]


def _uris(request: DDHRequest) -> tuple[str, ...]:
    if isinstance(request, RasterCollectionRequest):
        return tuple(uri for _, uri in _named_sources(request) if _spells_format(uri))
    return (request.source_path,)


def _of_vector_options(request: VectorRequest) -> Iterator[FieldError]:
    options = request.processing_config
    yield from _conflicting(vector_processing.conflicts(options))
    yield from _conflicting(vector_processing.conflict_with_source(options, request.source_path))


def _conflicting(found: Iterable[tuple[str, str, str]]) -> Iterator[FieldError]:
    """Of (option, what is wrong, what to do) each."""
    for name, message, hint in found:
        yield field_error(f"processing_config.{name}", message, code="CONFLICTING_FIELDS", hint=hint)


def _of_raster_options(
    options: raster_processing.RasterOptions, uris: tuple[str, ...], rules: Rules
) -> Iterator[FieldError]:
    yield from _conflicting(raster_processing.conflicts(options))
    yield from _conflicting(raster_processing.conflict_with_source(options, uris))
    if options.default_colormap is not None and rules.colormaps is not None:
        yield from _of_colormap(options.default_colormap, known=list(rules.colormaps()))


def _of_colormap(name: str, *, known: list[str]) -> Iterator[FieldError]:
    if name in known:
        return
    near = get_close_matches(name, known, n=3)
    hint = f"Did you mean {', '.join(map(repr, near))}?" if near else "GET /api/colorMaps lists them."
    place, message = "processing_config.default_colormap", "there is no such colormap"
    yield field_error(place, message, code="VALIDATION_ERROR", hint=hint)
