"""CSV and TSV: read by Arrow in two passes, one to learn what the columns are and one to hand them out.

The types of columns are those of the whole file, so the whole file is looked at first. That pass also tries
every coordinate: what is no place is refused with its line, before anything is loaded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.vector import VectorFormat, VectorReading
from services.vector.csv_dialect import Dialect, dialect_of, mismatch
from services.vector.csv_places import Places, are_degrees, places_of, srids_in
from services.vector.csv_rows import LineTooLongError, lines_of, row_count, text_batches
from services.vector.csv_types import DECIMAL_COMMA, CsvType, TypeGuess
from services.vector.distinct_names import distinct, renaming_findings
from services.vector.findings import info, warning
from services.vector.layers import choose_layers
from services.vector.source import Census, SourceLayer
from services.vector.stream import LayerStream

_BLOCKS_BYTES = (16 * 2**20, 160 * 2**20)  # the second for files with a line that does not fit the first
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class CsvTable:
    """What the first pass has found out; the second one needs nothing else."""

    dialect: Dialect
    names: tuple[str, ...]
    types: tuple[CsvType, ...]
    places: Places
    block_bytes: int

    @property
    def kept(self) -> list[int]:
        """The columns that are attributes: all but the one with well-known text."""
        return [position for position in range(len(self.names)) if position != self.places.wkt]

    @property
    def geometry_column(self) -> str:
        """A name that no attribute has."""
        name = "geometry"
        while name in self.names:
            name += "_"
        return name

    def schema(self) -> pa.Schema:
        """Of the batches that are handed out."""
        fields = [pa.field(self.names[position], self.types[position].arrow) for position in self.kept]
        return pa.schema([*fields, pa.field(self.geometry_column, pa.binary())])


@dataclass(slots=True)
class _Survey:
    """What the first pass has seen so far."""

    places: Places
    guesses: list[TypeGuess]
    decimal_comma: bool
    rows: int = 0
    nulls: int = 0
    empties: int = 0
    bad_rows: list[int] = field(default_factory=list)
    srids: set[int] = field(default_factory=set)
    bounds: list[np.ndarray] = field(default_factory=list)

    def add(self, batch: pa.RecordBatch) -> None:
        for guess, column in zip(self.guesses, batch.columns, strict=True):
            guess.add(column)
        wkb, bad = self.places.geometries(batch.columns, decimal_comma=self.decimal_comma)
        if len(self.bad_rows) < _SHOWN:
            self.bad_rows += [self.rows + int(row) for row in bad[:_SHOWN]]
        geometries = shapely.from_wkb(wkb.to_numpy(zero_copy_only=False), on_invalid="ignore")
        self.empties += int(np.count_nonzero(shapely.is_empty(geometries)))
        self.nulls += wkb.null_count
        self.bounds.append(shapely.total_bounds(geometries))
        if self.places.wkt is not None:
            self.srids |= srids_in(batch.column(self.places.wkt))
        self.rows += batch.num_rows

    @property
    def total_bounds(self) -> tuple[float, float, float, float]:
        """Of all coordinates; not a number where there are none."""
        corners = np.array(self.bounds).reshape(-1, 4)
        corners = corners[~np.isnan(corners).any(axis=1)]
        if not len(corners):
            return (np.nan,) * 4
        low, high = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:
    """The one layer of a CSV file; it is named like the file.

    Raises:
        PermanentTaskError: ENCODING_ERROR, CONTENT_MISMATCH, ROW_LENGTH, COORDINATE_COLUMNS,
            COORDINATE_PARSE, CRS_MISSING, CRS_UNKNOWN, NO_FEATURES or LAYER_NOT_FOUND.
    """
    choose_layers([name], reading.layers)
    dialect = dialect_of(path, encoding=reading.encoding)
    rows = row_count(path, dialect)
    survey, block_bytes = _surveyed(path, dialect, reading)
    _refuse_bad_places(path, dialect, survey)
    crs, crs_findings = _crs(survey, reading)
    names = distinct(dialect.header)
    types = tuple(guess.decided for guess in survey.guesses)
    table = CsvTable(dialect, names, types, survey.places, block_bytes)
    layer = SourceLayer(
        format=VectorFormat.CSV,
        path=path,
        name=name,
        census=Census(rows, survey.nulls, survey.empties),
        declared_crs=crs,
        dialect=table,
        findings=(
            *dialect.findings,
            *renaming_findings(dialect.header, names),
            *_said(table, survey),
            *crs_findings,
        ),
    )
    return (layer,)


@contextmanager
def read(
    layer: SourceLayer,
    *,
    reading: VectorReading,  # noqa: ARG001 (one shape for all)
) -> Iterator[LayerStream]:
    """Open the layer; see `LayerStream`."""
    table = layer.dialect
    assert isinstance(table, CsvTable)
    yield LayerStream(
        crs=layer.declared_crs,
        geometry_column=table.geometry_column,
        schema=table.schema(),
        fid_column=None,
        batches=_typed(layer.path, table),
    )


def _typed(path: Path, table: CsvTable) -> Iterator[pa.RecordBatch]:
    schema, decimal_comma = table.schema(), _has_decimal_commas(table)
    for texts in text_batches(path, table.dialect, block_bytes=table.block_bytes):
        wkb, _ = table.places.geometries(texts.columns, decimal_comma=decimal_comma)
        columns = [table.types[position].read(texts.column(position)) for position in table.kept]
        yield pa.RecordBatch.from_arrays([*columns, wkb], schema=schema)


def _has_decimal_commas(table: CsvTable) -> bool:
    return table.dialect.delimiter != ","


# -- the first pass ---------------------------------------------------------------------------------


def _surveyed(path: Path, dialect: Dialect, reading: VectorReading) -> tuple[_Survey, int]:
    """The whole file, looked at; and the bytes of a block that every line fits.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: there is no such block.
    """
    for block_bytes in _BLOCKS_BYTES:
        try:
            return _survey(path, dialect, reading, block_bytes=block_bytes), block_bytes
        except LineTooLongError:
            continue
    raise mismatch("A line is longer than any may be.", limit_bytes=_BLOCKS_BYTES[-1])


def _survey(path: Path, dialect: Dialect, reading: VectorReading, *, block_bytes: int) -> _Survey:
    survey: _Survey | None = None
    for batch in text_batches(path, dialect, block_bytes=block_bytes):
        if survey is None:
            survey = _Survey(
                places=places_of(dialect.header, batch.columns, reading=reading),
                guesses=[TypeGuess() for _ in dialect.header],
                decimal_comma=dialect.delimiter != ",",
            )
        survey.add(batch)
    if survey is None:
        raise PermanentTaskError(
            "The file has no rows.", code="NO_FEATURES", remedy="Submit a file with features."
        )
    return survey


def _refuse_bad_places(path: Path, dialect: Dialect, survey: _Survey) -> None:
    if not survey.bad_rows:
        return
    positions = (survey.places.x, survey.places.y, survey.places.wkt)
    raise PermanentTaskError(
        "Some rows have coordinates that are no numbers, or text that is no geometry.",
        code="COORDINATE_PARSE",
        remedy="Correct the lines named, or leave all coordinates of a row empty where it has no place.",
        context={
            "lines": lines_of(path, dialect, survey.bad_rows[:_SHOWN]),
            "columns": [dialect.header[position] for position in positions if position is not None],
        },
    )


# -- what is said of it -----------------------------------------------------------------------------


def _crs(survey: _Survey, reading: VectorReading) -> tuple[str | None, tuple[Finding, ...]]:
    """The CRS that the file names or that is assumed; None where the client assigns one.

    Raises:
        PermanentTaskError: CRS_UNKNOWN: it names several; CRS_MISSING.
    """
    if survey.srids:
        if len(survey.srids) > 1:
            raise PermanentTaskError(
                "The geometries are in more than one CRS.",
                code="CRS_UNKNOWN",
                remedy="Bring them to one CRS, or split the file.",
                context={"srids": sorted(survey.srids)[:_SHOWN]},
            )
        return f"EPSG:{survey.srids.pop()}", ()
    if reading.source_crs is not None:
        return None, ()
    bounds = survey.total_bounds
    if survey.places.is_projected or not (are_degrees(bounds) or np.isnan(bounds).all()):
        raise _no_crs(bounds)
    return "EPSG:4326", (
        warning(
            "CRS_ASSUMED",
            "A CSV file names no CRS; the coordinates look like degrees and were taken as EPSG:4326.",
            remedy="Give source_crs if they are in another one.",
            crs="EPSG:4326",
        ),
    )


def _no_crs(bounds: tuple[float, float, float, float]) -> PermanentTaskError:
    west, south, east, north = bounds
    swapped = are_degrees((south, west, north, east))
    hint = " They may be swapped: x is east, y is north." if swapped else ""
    return PermanentTaskError(
        f"A CSV file names no CRS, and its coordinates are not taken for degrees.{hint}",
        code="CRS_MISSING",
        remedy="Give source_crs, and x_column and y_column if the wrong columns were taken.",
        context={"bounds": list(bounds)},
    )


def _said(table: CsvTable, survey: _Survey) -> tuple[Finding, ...]:
    places = {
        role: table.dialect.header[position]
        for role, position in (("x", survey.places.x), ("y", survey.places.y), ("wkt", survey.places.wkt))
        if position is not None
    }
    findings = [info("COORDINATE_COLUMNS_USED", "These columns hold the places of the features.", **places)]
    commas = [name for name, each in zip(table.names, table.types, strict=True) if each.name == DECIMAL_COMMA]
    if commas:
        message = "Numbers with decimal commas were read as numbers."
        findings.append(info("DECIMAL_COMMA", message, columns=commas[:100]))
    return tuple(findings)
