"""Zipped Shapefiles: names of ten characters, texts of 254 bytes, one kind of geometry for each file.

What the format cannot say, a table of the columns' names beside it does. Sources: ESRI Shapefile Technical
Description (1998); https://gdal.org/en/stable/drivers/vector/shapefile.html
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import PermanentTaskError
from core.spreadsheets import harmless
from services.vector.export.column_values import Abilities
from services.vector.export.gdal_columns import GdalColumns
from services.vector.export.gdal_file import GdalLayer, write_layer
from services.vector.export.notes import Notes
from services.vector.export.source import GEOMETRY, TableSource

if TYPE_CHECKING:
    import pyarrow as pa

_NAME_LENGTH = 10
_TEXT_BYTES = 254
_MOST_COLUMNS = 254  # of 255 one is `fid`
_ABILITIES = Abilities(
    format="Shapefile",
    texts=frozenset({"time", "jsonb", "bytea"}),
    zones="text",
    has_not_a_number=False,
    largest_number=1e22,
    longest_integer=10**17,
)
_COLLECTION = 7


@dataclass(frozen=True, slots=True)
class _Family:
    """Geometries that one Shapefile can hold: the types (of shapely) with one dimension."""

    name: str
    geometry_type: str | None
    type_ids: frozenset[int]


_FAMILIES = (
    _Family("points", "MultiPoint", frozenset({0, 4})),
    _Family("lines", "MultiLineString", frozenset({1, 2, 5})),
    _Family("polygons", "MultiPolygon", frozenset({3, 6})),
    _Family("without_geometry", None, frozenset()),
)
_OF_ONE_TYPE = {
    "Point": 0, "MultiPoint": 0, "LineString": 1, "MultiLineString": 1, "Polygon": 2, "MultiPolygon": 2,
}  # fmt: skip


def write_shapefile(source: TableSource, directory: Path) -> None:
    """Write the files of one table into `directory`; of mixed geometries a Shapefile for each kind.

    Raises:
        PermanentTaskError: FORMAT_LIMIT: more columns or bytes than the format has room for.
    """
    if len(source.table.columns) > _MOST_COLUMNS:
        raise _limit(f"The table has {len(source.table.columns)} columns; a Shapefile has room for 254.")
    names = _names(source)
    _note(source, names)
    columns = GdalColumns.of(source, _ABILITIES, names=names, fid="fid")
    known_as = {field: name for name, field in names.items()}
    batches = (
        _cut(batch, known_as=known_as, notes=source.notes) for batch in columns.batches(source.batches())
    )
    if source.geometry_type in _OF_ONE_TYPE:
        _write(source, source.table.geometry_type, columns, batches, directory / f"{source.name}.shp")
    else:
        _write_families(source, columns, batches, directory)
    _write_names(source, names, directory / f"{source.name}_fields.csv")


def _write(
    source: TableSource,
    geometry_type: str | None,
    columns: GdalColumns,
    batches: "Iterable[pa.RecordBatch]",
    target: Path,
    append: bool = False,
) -> None:
    fields = columns.schema if geometry_type else columns.schema.remove(len(columns.schema) - 1)
    layer = GdalLayer(
        driver="ESRI Shapefile",
        name=target.stem,
        geometry_type=geometry_type,
        crs=source.crs if geometry_type else None,
        layer_options={"ENCODING": "UTF-8", "2GB_LIMIT": "YES"},
    )
    try:
        write_layer(layer, schema=fields, batches=batches, target=target, notes=source.notes, append=append)
    except PermanentTaskError as exc:
        said = " ".join(exc.context.get("messages", ()))
        if "2GB" in said or "2 GB" in said:
            raise _limit("A file of a Shapefile has room for 2 GB.") from exc
        raise


def _write_families(
    source: TableSource, columns: GdalColumns, batches: "Iterable[pa.RecordBatch]", directory: Path
) -> None:
    """Each batch is divided; a Shapefile that is there is added to."""
    begun = set[str]()
    for batch in batches:
        for family, part in _divided(batch, source):
            target = directory / f"{source.name}_{family.name}.{'shp' if family.geometry_type else 'dbf'}"
            kind = f"{family.geometry_type}{source.dimensions}" if family.geometry_type else None
            _write(source, kind, columns, [part], target, append=family.name in begun)
            begun.add(family.name)
    source.notes.say(
        "DIVIDED", "A Shapefile holds one kind of geometry; each kind has a Shapefile of its own."
    )


def _divided(batch: "pa.RecordBatch", source: TableSource) -> "Iterator[tuple[_Family, pa.RecordBatch]]":
    """The rows of each family; of a collection, the parts of each kind."""
    import pyarrow as pa
    import shapely

    shapes = shapely.from_wkb(np.asarray(batch[GEOMETRY].to_numpy(zero_copy_only=False), dtype=object))
    kinds = shapely.get_type_id(shapes)
    source.notes.count(
        "COLLECTION_DIVIDED",
        int((kinds == _COLLECTION).sum()),
        "geometry collections are divided: each kind of their parts stands in the Shapefile of that kind.",
    )
    left = np.ones(len(shapes), dtype=bool)
    for family in _FAMILIES[:-1]:
        found = _members(shapes, kinds, family)
        has_any = found != np.array(None)
        left &= ~has_any
        if has_any.any():
            part = batch.filter(pa.array(has_any))
            wkb = shapely.to_wkb(found[has_any], flavor="iso", output_dimension=4)
            yield family, part.set_column(len(part.columns) - 1, batch.schema.field(GEOMETRY), pa.array(wkb))
    if left.any():
        part = batch.filter(pa.array(left))
        yield _FAMILIES[-1], part.select(part.schema.names[:-1])


def _members(shapes: np.ndarray, kinds: np.ndarray, family: _Family) -> np.ndarray:
    """The geometries of a family, None where there are none; those of collections put together."""
    import shapely

    found: np.ndarray = np.full(len(shapes), None, dtype=object)
    is_member = np.isin(kinds, list(family.type_ids)) & ~shapely.is_empty(shapes)
    found[is_member] = shapes[is_member]
    if family.name == "points":  # a Shapefile of several points each takes no single ones
        single = np.flatnonzero(shapely.get_type_id(found) == 0)
        found[single] = shapely.multipoints(found[single], indices=np.arange(len(single)))
    for row in np.flatnonzero(kinds == _COLLECTION):
        parts = [part for part in _parts(shapes[row]) if shapely.get_type_id(part) in family.type_ids]
        if parts:
            found[row] = _multi(parts, family)
    return found


def _parts(shape: Any) -> list[Any]:
    """The simple parts of a collection, at any depth."""
    import shapely

    parts = np.array([shape], dtype=object)
    while (shapely.get_type_id(parts) > 3).any():
        parts = shapely.get_parts(parts)
    return [part for part in parts if not part.is_empty]


def _multi(parts: list[Any], family: _Family) -> Any:
    import shapely

    make = {
        "points": shapely.multipoints,
        "lines": shapely.multilinestrings,
        "polygons": shapely.multipolygons,
    }
    return make[family.name](parts)


def _names(source: TableSource) -> dict[str, str]:
    """Names of at most ten characters, no two of them equal whatever the case; `fid` is taken."""
    taken, names = {"fid"}, {}
    for column in source.table.columns:
        plain = column.name[:_NAME_LENGTH]
        number = 1
        name = plain
        while name.casefold() in taken:
            name = f"{plain[: _NAME_LENGTH - len(str(number)) - 1]}_{number}"
            number += 1
        taken.add(name.casefold())
        names[column.name] = name
    return names


def _write_names(source: TableSource, names: dict[str, str], target: Path) -> None:
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["field", "column", "source_name", "type"])
        for column in source.table.columns:
            writer.writerow([names[column.name], column.name, harmless(column.source_name), column.sql_type])


def _cut(batch: "pa.RecordBatch", *, known_as: dict[str, str], notes: Notes) -> "pa.RecordBatch":
    """Texts of at most 254 bytes of UTF-8, cut between characters."""
    import pyarrow as pa
    import pyarrow.compute as pc

    arrays = []
    for field, array in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_string(field.type):
            is_long = pc.fill_null(pc.greater(pc.binary_length(array), _TEXT_BYTES), fill_value=False)
            number = pc.sum(is_long).as_py() or 0
            notes.count(
                "TEXT_CUT",
                number,
                f"texts are cut: a Shapefile holds {_TEXT_BYTES} bytes.",
                column=known_as[field.name],
            )
            array = _shortened(array) if number else array
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _shortened(array: "pa.Array") -> "pa.Array":
    import pyarrow as pa

    return pa.array(
        [
            None if text is None else text.encode()[:_TEXT_BYTES].decode(errors="ignore")
            for text in array.to_pylist()
        ],
        pa.string(),
    )


def _note(source: TableSource, names: dict[str, str]) -> None:
    notes = source.notes
    for column in source.table.columns:
        name = column.name
        if names[name] != name:
            notes.say("NAME_CUT", f"Called '{names[name]}': names have at most 10 characters.", column=name)
        if column.sql_type in ("real", "double precision"):
            notes.say("NUMBERS_ROUNDED", "Numbers are decimal, with at most 15 decimals.", column=name)
        if column.sql_type in ("text", "jsonb", "bytea"):
            notes.say("EMPTY_AS_NULL", "Empty texts and missing ones are the same.", column=name)
    notes.say("EMPTY_AS_NULL", "Empty geometries and missing ones are the same.")


def _limit(message: str) -> PermanentTaskError:
    return PermanentTaskError(
        message, code="FORMAT_LIMIT", remedy="Take another format, for example GeoPackage or GeoParquet."
    )
