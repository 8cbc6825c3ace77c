"""The types of CSV columns: the narrowest that hold every value of the whole file, and change none of them.

`007` stays text, as do numbers with digits that a double cannot hold and times some of which have a zone.
Decimal commas are read as such where every value of a column can only be meant so.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_INTEGER = r"^(?:0|-?[1-9][0-9]{0,18})$"
# A whole number among decimal ones has at most 15 digits: a double holds all of those.
_WHOLE = r"(?:0|[1-9][0-9]{0,14})"
_EXPONENT = r"(?:[eE][+-]?[0-9]{1,3})"
_DECIMAL = rf"^-?(?:(?:0|[1-9][0-9]{{0,14}})?\.[0-9]+{_EXPONENT}?|{_WHOLE}\.?{_EXPONENT}?)$"
_COMMA = rf"^-?(?:(?:0|[1-9][0-9]{{0,14}})?,[0-9]+{_EXPONENT}?|{_WHOLE}{_EXPONENT}?)$"
_COMMA_THOUSANDS = r"^-?[1-9][0-9]{0,2},[0-9]{3}$"  # 1,234 may mean either
_SAFE_DIGITS = 15
_LONGEST = 1_100  # what the exact decimal of any double fits
_NOT_ZERO = r"^[^eE]*[1-9]"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
ZONE = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
DECIMAL_COMMA = "decimal comma"


def _as_is(values: pa.Array) -> pa.Array:
    return values


def with_point(values: pa.Array) -> pa.Array:
    """Decimal commas as points."""
    return pc.replace_substring(values, ",", ".")


def _are_kept(texts: pa.Array, numbers: pa.Array) -> bool:
    """Whether the numbers, written with as many digits as the texts have, are the texts again.

    A double holds 15 digits of any number that is not next to nothing, so few are tried one by one.
    """
    values = numbers.to_numpy(zero_copy_only=False)
    if not np.isfinite(values).all():
        return False
    tiny = texts.filter(pa.array(np.abs(values) < np.finfo(np.float64).tiny))
    is_long = pc.greater(pc.binary_length(texts), _SAFE_DIGITS)
    long, read = texts.filter(is_long), numbers.filter(is_long)
    long = long.filter(pc.not_equal(read.cast(pa.string()), long))  # equal if written as short as can be
    tiny = tiny.filter(pc.match_substring_regex(tiny, _NOT_ZERO))
    return all(map(_is_kept, [*long.to_pylist(), *tiny.to_pylist()]))


def _is_kept(text: str) -> bool:
    if len(text) > _LONGEST:
        return False
    if f"{float(text):.{len(text) - text.find('.') - 1}f}" == text:  # fast, and true of most
        return True
    number = Decimal(text)
    _, _, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    return abs(Decimal(float(text)) - number) <= Decimal(5).scaleb(exponent - 1)


@dataclass(frozen=True, slots=True)
class CsvType:
    """A type, how its values are written, and how they are read."""

    name: str
    arrow: pa.DataType
    pattern: str
    prepare: Callable[[pa.Array], pa.Array] = _as_is

    def read(self, values: pa.Array) -> pa.Array:
        """Texts in this type.

        Raises:
            pa.ArrowInvalid: one of them is none.
        """
        return self.prepare(values).cast(self.arrow)

    def holds(self, values: pa.Array) -> bool:
        """Whether all texts (none of them null) are of this type."""
        if not pc.all(pc.match_substring_regex(values, self.pattern)).as_py():
            return False
        try:
            read = self.read(values)
        except pa.ArrowInvalid:
            return False
        return not pa.types.is_floating(self.arrow) or _are_kept(self.prepare(values), read)


TEXT = CsvType("text", pa.string(), "")
DATE = CsvType("date", pa.date32(), r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
MOMENT = CsvType("time", pa.timestamp("us"), rf"^{_TIME}$")
ZONED_MOMENT = CsvType("time with zone", pa.timestamp("us", "UTC"), rf"^{_TIME}{ZONE}$")
TYPES = (
    CsvType("boolean", pa.bool_(), r"^(?:[Tt]rue|TRUE|[Ff]alse|FALSE)$"),
    CsvType("integer", pa.int64(), _INTEGER),
    CsvType("float", pa.float64(), _DECIMAL),
    CsvType(DECIMAL_COMMA, pa.float64(), _COMMA, prepare=with_point),
    DATE,
    MOMENT,
    ZONED_MOMENT,
)


@dataclass(slots=True)
class TypeGuess:
    """What a column can still be, while its values are seen."""

    possible: list[CsvType] = field(default_factory=lambda: list(TYPES))
    seen: int = 0
    is_plainly_comma: bool = False

    def add(self, texts: pa.Array) -> None:
        """Look at more values; nulls say nothing."""
        if not self.possible:
            return
        values = texts.drop_null()
        if len(values) == 0:
            return
        self.seen += len(values)
        self.possible = [each for each in self.possible if each.holds(values)]
        if [each.name for each in self.possible] == [DECIMAL_COMMA] and not self.is_plainly_comma:
            commas = values.filter(pc.match_substring(values, ","))
            thousands = pc.match_substring_regex(commas, _COMMA_THOUSANDS)
            self.is_plainly_comma = not pc.all(thousands, min_count=0).as_py()

    @property
    def decided(self) -> CsvType:
        """The narrowest type that all values are of; text for a column without any."""
        if not self.seen or not self.possible:
            return TEXT
        first = self.possible[0]
        return TEXT if first.name == DECIMAL_COMMA and not self.is_plainly_comma else first
