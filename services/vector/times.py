"""Columns of times, read from their texts.

GDAL makes March 2 of February 30 and null of what is no time at all; it cuts times off behind the
millisecond, and Arrow drops the offsets where only some times have a zone. Nothing says so. The texts are
therefore looked at first: what they are decides the type of the column, as for a CSV.
"""

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from services.vector.csv_types import DATE, MOMENT, ZONE, ZONED_MOMENT, CsvType, TypeGuess
from services.vector.findings import warning

_CLOCK = r"^[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?$"
_DAY_BEFORE = "1970-01-01T"  # Arrow reads no times of day, but times
_SLASHES, _HYPHENS = r"^([0-9]{4})/([0-9]{2})/", r"\1-\2-"  # as GDAL itself writes times in texts
_BEHIND_MICROSECONDS = r"(\.[0-9]{6})0+"
_FINER_THAN_MILLISECONDS = r"\.[0-9]{3}[0-9]*[1-9]"
_ISO_DAY_CHARACTERS = 10


def _both_read(values: pa.Array) -> pa.Array:
    """The texts, if those with a zone and those without are times, each for themselves."""
    is_zoned = pc.match_substring_regex(values, f"{ZONE}$")
    values.filter(is_zoned).cast(ZONED_MOMENT.arrow)
    values.filter(pc.invert(is_zoned)).cast(MOMENT.arrow)
    return values


def _on_a_day(values: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(_DAY_BEFORE, values, "").cast(MOMENT.arrow)


def _whole(values: pa.Array) -> pa.Array:
    """Times of a GeoPackage in the one spelling that Arrow reads. Without a zone they are UTC."""
    values = pc.replace_substring_regex(values, _BEHIND_MICROSECONDS, r"\1")
    is_day = pc.equal(pc.utf8_length(values), _ISO_DAY_CHARACTERS)
    values = pc.if_else(is_day, pc.binary_join_element_wise(values, "T00:00", ""), values)
    is_zoned = pc.match_substring_regex(values, f"{ZONE}$")
    return pc.if_else(is_zoned, values, pc.binary_join_element_wise(values, "Z", ""))


_OF_EITHER = CsvType(
    "times with and without zone", pa.string(), MOMENT.pattern[:-1] + f"{ZONE}?$", _both_read
)
_TYPES = (DATE, CsvType("time of day", pa.time64("us"), _CLOCK, _on_a_day), MOMENT, ZONED_MOMENT, _OF_EITHER)
_DECLARED = CsvType("declared time", ZONED_MOMENT.arrow, "", _whole)


@dataclass(slots=True)
class _TimeGuess:
    """What a column can still be, and the first value that goes with none of the kinds of those before it."""

    guess: TypeGuess = field(default_factory=lambda: TypeGuess(possible=list(_TYPES)))
    odd: str | None = None
    fine: str | None = None

    def add(self, texts: pa.Array) -> None:
        possible, values = self.guess.possible, texts.drop_null()
        spelled = _hyphened(values)
        self.guess.add(spelled)
        if possible and not self.guess.possible:
            self.odd = values[_first_odd(spelled, possible)].as_py()
        fine = values.filter(pc.match_substring_regex(values, _FINER_THAN_MILLISECONDS))
        if len(fine):
            self.fine = fine[0].as_py()


def _first_odd(values: pa.Array, possible: Sequence[CsvType]) -> int:
    def is_too_long(count: int) -> bool:
        return not any(each.holds(values[:count]) for each in possible)

    return bisect.bisect_left(range(1, len(values)), True, key=is_too_long)


@dataclass(frozen=True, slots=True)
class TimeColumns:
    """How columns are read from their texts.

    `odd`: a value for each of those that stay text because of it; `fine`: one finer than a millisecond.
    """

    types: Mapping[str, CsvType] = field(default_factory=dict)
    odd: Mapping[str, str] = field(default_factory=dict)
    fine: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, batches: Iterable[pa.RecordBatch], schema: pa.Schema, names: Sequence[str]) -> "TimeColumns":
        """What the texts of these columns say; without any, the type of the schema stays."""
        guesses = {name: _TimeGuess() for name in names}
        for batch in batches:
            for name, guess in guesses.items():
                guess.add(batch.column(name))
        types = {
            name: each.guess.decided if each.guess.seen else CsvType("nothing", schema.field(name).type, "")
            for name, each in guesses.items()
        }
        odd = {name: each.odd for name, each in guesses.items() if each.odd is not None}
        return cls(types, odd, {name: each.fine for name, each in guesses.items() if each.fine is not None})

    def refuse_others(self) -> None:
        """Where GDAL has no texts to read from, what it would change is refused.

        Raises:
            PermanentTaskError: CONTENT_MISMATCH.
        """
        if changed := {**self.fine, **self.odd}:
            raise PermanentTaskError(
                "Some values are not what their column declares: no such day or time, or one finer than a "
                "millisecond.",
                code="CONTENT_MISMATCH",
                remedy="Correct the values, of which one of each column is shown, or make the columns text.",
                context={"value_by_column": changed},
            )

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """The schema in which the columns have the types that they are read in."""
        return pa.schema(
            [
                pa.field(each.name, self.types[each.name].arrow) if each.name in self.types else each
                for each in schema
            ]
        )

    def read(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The batches, whose times are texts, in the schema that `schema` gave."""
        for batch in batches:
            columns = [
                self._read(column, self.types.get(name))
                for name, column in zip(schema.names, batch.columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def _read(self, column: pa.Array, kind: CsvType | None) -> pa.Array:
        if kind is None or column.type.equals(kind.arrow):
            return column
        return kind.read(_hyphened(column)) if pa.types.is_string(column.type) else column.cast(kind.arrow)

    def findings(self) -> Iterator[Finding]:
        """What is to be said of columns that are not what they seem."""
        for name in (name for name, kind in sorted(self.types.items()) if kind is _OF_EITHER):
            yield warning(
                "MIXED_TIME_ZONES",
                f"The column {name!r} mixes times with and without a zone; it was kept as text.",
                remedy="Give all times of the column a zone, or none.",
                column=name,
            )
        for name, value in sorted(self.odd.items()):
            yield warning(
                "TIMES_AS_TEXT",
                f"The column {name!r} holds days or times, but not all of one kind, or not all real; it was "
                "kept as text.",
                remedy="Correct the value named, and others like it, or leave it if text is meant.",
                column=name,
                value=value,
            )


def declared(names: Iterable[str]) -> TimeColumns:
    """Columns of a GeoPackage whose every value has been tried (see `geopackage_values`)."""
    return TimeColumns(dict.fromkeys(names, _DECLARED))


def without_zone(schema: pa.Schema) -> list[str]:
    """The columns of times for which no zone is named."""
    return [field.name for field in schema if pa.types.is_timestamp(field.type) and field.type.tz is None]


def moments(schema: pa.Schema) -> list[str]:
    """The columns of times that have a day."""
    return [field.name for field in schema if pa.types.is_timestamp(field.type)]


def temporal(schema: pa.Schema) -> list[str]:
    """The columns of days, times of day and times."""
    return [field.name for field in schema if pa.types.is_temporal(field.type)]


def _hyphened(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, _SLASHES, _HYPHENS)
