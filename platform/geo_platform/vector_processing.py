"""`processing_config` of vectors, as clients write it, and what in it excludes each other."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from core.task_models.vector import EPSG_PATTERN, CleaningOptions, TableOptions, VectorReading
from core.task_models.vector_export import ExportFormat

Conflict = tuple[str, str, str]
"""The option, what is wrong with it, what to do about it."""

_POINT_COLUMNS = ("x_column", "y_column")
_OF_CSV = (*_POINT_COLUMNS, "wkt_column")
_MAY_HOLD_CSV = (".csv", ".tsv", ".zip")
_WITHOUT_OWN_ENCODING = (*_MAY_HOLD_CSV, ".dxf")

Item = TypeVar("Item", bound=Hashable)


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _each_lower(values: Any) -> Any:
    return [_lower(each) for each in values] if isinstance(values, list | tuple) else values


def _each_once(values: tuple[Item, ...]) -> tuple[Item, ...]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("named_twice", "one of them is named twice")
    return values


_Epsg = Annotated[str, BeforeValidator(_upper), Field(pattern=EPSG_PATTERN)]
_Name = Annotated[str, Field(min_length=1, max_length=255)]
_Names = Annotated[tuple[_Name, ...], AfterValidator(_each_once)]
_Formats = Annotated[tuple[ExportFormat, ...], BeforeValidator(_each_lower), AfterValidator(_each_once)]


class VectorProcessing(CleaningOptions):
    """How a vector source is read, cleaned and published. Words may be in capitals or not.

    Every step of the cleaning has its policy (`null_geometry`, `invalid_geometry`, ...); whatever the policy,
    the report counts what it had to do with.
    """

    layer: _Name | None = Field(default=None, description="the only layer to take; without it, all are taken")
    layers: _Names = Field(
        default=(), max_length=100, description="the layers to take, by the names that the source gives them"
    )
    source_crs: _Epsg | None = Field(
        default=None,
        description="the CRS that the coordinates are in, where the file does not say it or says it wrongly",
    )
    target_crs: _Epsg = Field(default="EPSG:4326", description="the CRS to store the features in")
    encoding: str | None = Field(
        default=None,
        min_length=1,
        max_length=40,
        pattern=r"^[A-Za-z0-9_.:-]+$",
        description="of the texts of a Shapefile or CSV, for example `cp1252`",
    )
    x_column: _Name | None = Field(default=None, description="of a CSV: longitudes or eastings")
    y_column: _Name | None = Field(default=None, description="of a CSV: latitudes or northings")
    wkt_column: _Name | None = Field(default=None, description="of a CSV: geometries as well-known text")
    id_column: _Name | None = Field(
        default=None, description="whole numbers, all there and all different, that become the feature ids"
    )
    index: _Names = Field(default=(), max_length=20, description="columns to index, for filters")
    text_search: _Names = Field(default=(), max_length=20, description="columns to search for words in")
    max_failed_fraction: float = Field(
        default=0,
        ge=0,
        le=1,
        description="the share of a layer's features that may be rejected; with more, nothing is published",
    )
    exports: _Formats = Field(default=(), description="files to make beforehand, for downloads")
    generate_tile_cache: bool = Field(default=False, description="the same as `pmtiles` among the exports")

    _words = field_validator(*CleaningOptions.model_fields, mode="before")(_lower)


def reading_of(processing: Mapping[str, Any], *, extra_formats: bool) -> dict[str, Any]:
    """The options as `VectorReading` has them; `extra_formats` is the operator's word."""
    layer = processing["layer"]
    same = VectorReading.model_fields.keys() & VectorProcessing.model_fields.keys()
    asked = {name: processing[name] for name in same}
    return {**asked, "layers": [layer] if layer else processing["layers"], "extra_formats": extra_formats}


def cleaning_of(processing: Mapping[str, Any]) -> dict[str, Any]:
    """The options as `CleaningOptions` has them."""
    return {name: processing[name] for name in CleaningOptions.model_fields}


def tables_of(processing: Mapping[str, Any]) -> dict[str, Any]:
    """The options as `TableOptions` has them."""
    return {name: processing[name] for name in TableOptions.model_fields}


def exports_of(processing: Mapping[str, Any]) -> tuple[str, ...]:
    """The formats to make beforehand; older requests have no word of it."""
    asked = tuple(processing.get("exports", ()))
    tiles = ExportFormat.PMTILES.value
    return (*asked, tiles) if processing.get("generate_tile_cache") and tiles not in asked else asked


def conflicts(options: VectorProcessing) -> Iterator[Conflict]:
    """The options that exclude each other, and halves of a pair."""
    if options.layer is not None and options.layers:
        yield "layer", "layer and layers are given", _ONE_OF_BOTH
    if options.generate_tile_cache and ExportFormat.PMTILES in options.exports:
        yield "generate_tile_cache", "exports has pmtiles, which is the same", _ONE_OF_BOTH
    points = [name for name in _POINT_COLUMNS if getattr(options, name) is not None]
    if points and options.wkt_column is not None:
        yield "wkt_column", f"{' and '.join(points)} say where the geometries are", _ONE_OF_BOTH
    elif len(points) == 1:
        (missing,) = set(_POINT_COLUMNS) - set(points)
        yield points[0], f"it needs {missing} beside it", f"Name {missing} as well."
    elif points and options.x_column == options.y_column:
        yield "y_column", "it is the same column as x_column", "Name the column with the other coordinate."


def conflict_with_source(options: VectorProcessing, uri: str) -> Iterator[Conflict]:
    """The options that a source of this name cannot have."""
    name = uri.lower()
    if not name.endswith(_MAY_HOLD_CSV):
        for option in _OF_CSV:
            if getattr(options, option) is not None:
                yield option, "only CSV files have such columns", "Leave it out."
    if options.encoding is not None and not name.endswith(_WITHOUT_OWN_ENCODING):
        yield "encoding", "this format says itself how its texts are encoded", "Leave it out."


_ONE_OF_BOTH = "Leave out one of the two."
