"""Values of a column as a format can hold them; what differs from the table is noted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.task_models.vector import VectorColumn
from services.vector.export.notes import Notes

if TYPE_CHECKING:
    import pyarrow as pa

_JSON = {b"ARROW:extension:name": b"arrow.json"}  # GDAL's sign for texts that are JSON
_EXACT_DIGITS = 15  # of a double


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the writer of a format can hold.

    Attributes:
        format: as people call it.
        texts: the SQL types that become texts.
        days_as_times: dates become times at midnight.
        zones: `utc` makes all times UTC, `none` takes the zones away, `text` writes times as ISO 8601.
        has_json: texts can be marked as JSON.
        has_not_a_number: NaN can be told from null.
        largest_number: what is not smaller becomes null.
        longest_integer: integers that are not smaller are written, but readers take them for doubles.
    """

    format: str
    texts: frozenset[str] = frozenset()
    days_as_times: bool = False
    zones: str = "utc"
    has_json: bool = False
    has_not_a_number: bool = True
    largest_number: float | None = None
    longest_integer: int | None = None


@dataclass(frozen=True, slots=True)
class ColumnWriter:
    """One column on its way into a file, under the name `name` there; notes call it as the table does."""

    column: VectorColumn
    name: str
    abilities: Abilities
    notes: Notes

    def field(self, kind: "pa.DataType") -> "pa.Field":
        """The field of the file's schema for values that come as `kind`."""
        import pyarrow as pa

        is_json = self.column.sql_type == "jsonb" and self.abilities.has_json
        empty = self.converted(pa.array([], kind))
        return pa.field(self.name, empty.type, metadata=_JSON if is_json else None)

    def converted(self, array: "pa.Array") -> "pa.Array":
        """The values for the file."""
        sql_type = self.column.sql_type
        if sql_type.startswith("numeric"):
            return self._decimals(array)
        if sql_type in ("real", "double precision"):
            return self._numbers(array)
        if sql_type == "bigint" and self.abilities.longest_integer:
            return self._integers(array, self.abilities.longest_integer)
        if sql_type in ("timestamp", "timestamptz"):
            return self._times(array)
        if sql_type in self.abilities.texts:
            return self._texts(array)
        if sql_type == "date" and self.abilities.days_as_times:
            self._say("DATE_AS_TIME", "has no dates; they are times at midnight.")
        return array

    def _decimals(self, array: "pa.Array") -> "pa.Array":
        """Doubles where they keep every digit."""
        import pyarrow as pa

        precision = getattr(array.type, "precision", _EXACT_DIGITS + 1)
        if precision <= _EXACT_DIGITS:
            self._say("DECIMAL_AS_DOUBLE", "has no decimal numbers; they are doubles, exact to 15 digits.")
            return array.cast(pa.float64())
        self._say("DECIMAL_AS_TEXT", "has no decimal numbers of that many digits; they are texts.")
        return array.cast(pa.string())

    def _numbers(self, array: "pa.Array") -> "pa.Array":
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self.abilities.has_not_a_number:
            is_nan = pc.is_nan(array)
            self._count("NAN_AS_NULL", _true(is_nan), "values are not a number, and became null.")
            array = pc.if_else(is_nan, pa.scalar(None, array.type), array)
        if self.abilities.largest_number:
            is_large = pc.greater_equal(pc.abs(array), self.abilities.largest_number)
            self._count("TOO_LARGE", _true(is_large), "numbers have no room in a field, and became null.")
            array = pc.if_else(is_large, pa.scalar(None, array.type), array)
        return array

    def _integers(self, array: "pa.Array", limit: int) -> "pa.Array":
        import pyarrow.compute as pc

        is_long = pc.or_(pc.greater_equal(array, limit), pc.less_equal(array, -limit))
        words = "numbers are so long that readers take the field for one of doubles."
        self._count("LONG_NUMBERS", _true(is_long), words)
        return array

    def _times(self, array: "pa.Array") -> "pa.Array":
        """Milliseconds, for so much is kept by GDAL."""
        import pyarrow as pa
        import pyarrow.compute as pc

        has_zone = self.column.sql_type == "timestamptz"
        if self.abilities.zones == "text":
            self._say("TIME_AS_TEXT", "has no times; they are texts (ISO 8601).")
            return pc.strftime(array, "%Y-%m-%dT%H:%M:%SZ" if has_zone else "%Y-%m-%dT%H:%M:%S")
        whole = pc.floor_temporal(array, unit="millisecond")
        self._count(
            "TIMES_CUT",
            _true(pc.not_equal(whole, array)),
            "times have more than milliseconds, which were cut off.",
        )
        if self.abilities.zones == "utc" and not has_zone:
            self._say("TIME_AS_UTC", "has no times without a zone; they are written as if they were UTC.")
            return whole.cast(pa.timestamp("us", "UTC"))
        if self.abilities.zones == "none" and has_zone:
            self._say("ZONE_DROPPED", "has no zones; times are those of UTC.")
            return whole.cast(pa.timestamp("us"))
        return whole

    def _texts(self, array: "pa.Array") -> "pa.Array":
        import pyarrow as pa

        if self.column.sql_type == "bytea":
            self._say("BYTES_AS_TEXT", "has no bytes; they are hexadecimal text after '\\x'.")
            return hexadecimal(array)
        if self.column.sql_type == "time":
            self._say("CLOCK_TIME_AS_TEXT", "has no times of day; they are texts.")
        if self.column.sql_type == "date":
            self._say("DATE_AS_TEXT", "has no dates; they are texts (ISO 8601).")
        if self.column.sql_type == "jsonb":
            self._say("JSON_AS_TEXT", "does not know JSON; it is text.")
        return array.cast(pa.string())

    def _say(self, code: str, message: str) -> None:
        self.notes.say(code, f"{self.abilities.format} {message}", column=self.column.name)

    def _count(self, code: str, number: int, message: str) -> None:
        self.notes.count(code, number, message, column=self.column.name)


def _true(flags: "pa.Array") -> int:
    """How many are."""
    import pyarrow.compute as pc

    return pc.sum(flags).as_py() or 0


def hexadecimal(array: "pa.Array") -> "pa.Array":
    """Bytes as PostgreSQL writes them, `\\x00ff`."""
    import pyarrow as pa

    values = [None if value is None else f"\\x{value.hex()}" for value in array.to_pylist()]
    return pa.array(values, pa.string())


def unique_name(wanted: str, taken: Mapping[str, object] | set[str]) -> str:
    """`wanted`, or with a number behind it where it is taken, whatever the case."""
    folded = {name.casefold() for name in taken}
    names = [wanted, *(f"{wanted}_{number}" for number in range(1, len(folded) + 1))]
    return next(name for name in names if name.casefold() not in folded)
