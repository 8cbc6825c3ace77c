"""CSV (RFC 4180) in UTF-8 with a byte order mark, without which spreadsheets take it for something else."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.spreadsheets import FORMULA, MARK, NUMBER
from services.vector.export.column_values import hexadecimal, unique_name
from services.vector.export.source import GEOMETRY, TableSource

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_ROWS = 4096  # at a time: well-known text is several times as large as what it is made of
_AXES = ("x", "y", "z", "m")


def write_csv(source: TableSource, target: Path) -> None:
    """Points become `x`, `y` (and `z`, `m`), other geometries well-known text in `wkt`; `fid` comes first.

    Nulls are empty, empty texts are quoted. A text that a spreadsheet would run gets an apostrophe before it.
    """
    import pyarrow.csv as pa_csv

    rows = _Rows(source)
    with target.open("wb") as file:
        file.write(b"\xef\xbb\xbf")
        with pa_csv.CSVWriter(file, rows.schema) as writer:
            for batch in source.batches():
                for start in range(0, batch.num_rows, _MOST_ROWS):
                    writer.write_batch(rows.converted(batch.slice(start, _MOST_ROWS)))


class _Rows:
    """Batches of a table as those of the file, and the notes about them."""

    def __init__(self, source: TableSource) -> None:
        import pyarrow as pa

        self._source, self._notes = source, source.notes
        self._is_points = source.geometry_type == "Point"
        self._axes = _AXES[: 3 + source.has_m] if source.has_z else _AXES[:2]
        if source.has_m and not source.has_z:
            self._axes = ("x", "y", "m")
        names = ["fid", *(column.name for column in source.table.columns)]
        for place in self._axes if self._is_points else ("wkt",):
            names.append(unique_name(place, set(names)))
        empty = source.schema().empty_table().to_batches()
        arrays = self._arrays(empty[0] if empty else pa.RecordBatch.from_pylist([], source.schema()))
        self.schema = pa.schema(
            [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)]
        )
        self._note()

    def converted(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """The rows of the file."""
        import pyarrow as pa

        return pa.RecordBatch.from_arrays(self._arrays(batch), schema=self.schema)

    def _arrays(self, batch: "pa.RecordBatch") -> "list[pa.Array]":
        values = [self._value(column.name, batch[column.name]) for column in self._source.table.columns]
        return [batch["fid"], *values, *self._places(batch[GEOMETRY])]

    def _value(self, name: str, array: "pa.Array") -> "pa.Array":
        import pyarrow as pa

        if pa.types.is_binary(array.type):
            return hexadecimal(array)
        if pa.types.is_decimal(array.type):
            return array.cast(pa.string())
        if pa.types.is_timestamp(array.type):
            return _iso(array)
        return self._harmless(name, array) if pa.types.is_string(array.type) else array

    def _harmless(self, name: str, array: "pa.Array") -> "pa.Array":
        import pyarrow as pa
        import pyarrow.compute as pc

        looks = pc.match_substring_regex(array, FORMULA)
        runs = pc.fill_null(pc.and_not(looks, pc.match_substring_regex(array, NUMBER)), fill_value=False)
        self._notes.count(
            "FORMULA_NEUTRALISED",
            pc.sum(runs).as_py() or 0,
            "texts that a spreadsheet would run as formulas have an apostrophe before them.",
            column=name,
        )
        return pc.if_else(runs, pc.binary_join_element_wise(pa.scalar(MARK), array, ""), array)

    def _places(self, geometries: "pa.Array") -> "list[pa.Array]":
        import pyarrow as pa
        import shapely

        shapes = shapely.from_wkb(np.asarray(geometries.to_numpy(zero_copy_only=False), dtype=object))
        if not self._is_points:
            return [pa.array(shapely.to_wkt(shapes, rounding_precision=-1), pa.string())]
        shapes[shapely.is_empty(shapes)] = None  # GEOS raises where it is asked for the x of an empty point
        take = {"x": shapely.get_x, "y": shapely.get_y, "z": shapely.get_z, "m": shapely.get_m}
        # Of no point all are NaN.
        return [pa.array(take[axis](shapes), pa.float64(), from_pandas=True) for axis in self._axes]

    def _note(self) -> None:
        if self._is_points:
            self._notes.say("EMPTY_AS_NULL", "In CSV, empty points are written like missing ones.")
        else:  # by GEOS, whatever precision it is asked for
            self._notes.say("COORDINATES_ROUNDED", "Coordinates have at most 16 decimals.")
        for column in self._source.table.columns:
            if column.sql_type == "bytea":
                self._notes.say(
                    "BYTES_AS_TEXT",
                    "CSV has no bytes; they are hexadecimal text after '\\x'.",
                    column=column.name,
                )


def _iso(array: Any) -> "pa.Array":
    """As ISO 8601 with all digits; UTC is `Z`."""
    import pyarrow.compute as pc

    return pc.strftime(array, format="%Y-%m-%dT%H:%M:%SZ" if array.type.tz else "%Y-%m-%dT%H:%M:%S")
