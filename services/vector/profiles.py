"""What the values of columns look like, out of the statistics that PostgreSQL keeps of a sample of the rows.

A histogram there has parts of as many rows each (https://www.postgresql.org/docs/15/view-pg-stats.html), and
leaves out the most common values; here both become counts of equal steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.task_models.vector import VectorColumn
from core.task_models.vector_tables import ColumnProfile
from core.vector_ports import ColumnStatistics

_STEPS = 10
_MOST_COMMON = 10
_LONGEST_TEXT = 100
_NUMBERS = ("bigint", "integer", "smallint", "real", "double precision", "numeric")
_UNORDERED = ("jsonb", "bytea", "boolean")


def profiles(
    columns: Sequence[VectorColumn], statistics: Sequence[ColumnStatistics], *, row_count: int
) -> tuple[ColumnProfile, ...]:
    """A profile for each column, in their order; of one that nothing is known of, its name."""
    known = {each.name: each for each in statistics}
    return tuple(
        _profile(column, known[column.name], row_count)
        if column.name in known
        else ColumnProfile(name=column.name)
        for column in columns
    )


def _profile(column: VectorColumn, known: ColumnStatistics, row_count: int) -> ColumnProfile:
    counted = [
        (_short(value), round(fraction * row_count))
        for value, fraction in zip(known.common_values, known.common_fractions, strict=True)
    ]
    distinct = known.distinct_count
    plain = ColumnProfile(
        name=column.name,
        nulls=round(known.null_fraction * row_count),
        distinct=round(distinct if distinct >= 0 else -distinct * row_count),
        most_common=tuple(counted[:_MOST_COMMON]),
    )
    if column.sql_type in _UNORDERED:
        return plain
    if column.sql_type.startswith(_NUMBERS):
        return plain.model_copy(update=_numbers(known, row_count))
    return plain.model_copy(update=_extremes(known))


def _extremes(known: ColumnStatistics) -> dict[str, object]:
    """Of texts and times as far as the histogram says it: it is in the database's order, and they are not."""
    if not known.bounds:
        return {}
    return {"minimum": _short(known.bounds[0]), "maximum": _short(known.bounds[-1])}


def _numbers(known: ColumnStatistics, row_count: int) -> dict[str, object]:
    spread = _Spread.of(known)
    if spread is None:
        return {}
    counts = np.rint(spread.histogram() * row_count).astype(int)
    return {"minimum": spread.low, "maximum": spread.high, "histogram": tuple(counts.tolist())}


@dataclass(frozen=True, slots=True)
class _Spread:
    """Numbers: common ones with their shares, and bounds between which equal shares of the rest lie."""

    values: np.ndarray
    shares: np.ndarray
    bounds: np.ndarray
    rest: float

    @classmethod
    def of(cls, known: ColumnStatistics) -> "_Spread | None":
        values, bounds = np.array(known.common_values, float), np.array(known.bounds, float)
        shares = np.array(known.common_fractions, float)
        is_finite = np.isfinite(values)
        rest = max(0.0, 1.0 - known.null_fraction - float(shares.sum())) if len(bounds) else 0.0
        found = cls(values[is_finite], shares[is_finite], bounds[np.isfinite(bounds)], rest)
        return found if len(found.values) or len(found.bounds) else None

    @property
    def low(self) -> float:
        return float(np.concatenate([self.values, self.bounds]).min())

    @property
    def high(self) -> float:
        return float(np.concatenate([self.values, self.bounds]).max())

    def histogram(self) -> np.ndarray:
        """Shares of all rows in equal steps from `low` to `high`."""
        if self.high == self.low:
            edges = np.linspace(self.low - 0.5, self.high + 0.5, _STEPS + 1)
        else:
            edges = np.linspace(self.low, self.high, _STEPS + 1)
        shares, _ = np.histogram(self.values, bins=edges, weights=self.shares)
        if len(self.bounds) < 2:
            return shares
        # The share below each edge: it grows evenly between two bounds, and at once where they are equal.
        below = np.interp(edges, self.bounds, np.linspace(0, self.rest, len(self.bounds)), left=0)
        below[0], below[-1] = 0.0, self.rest
        total: np.ndarray = shares + np.diff(below)
        return total


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_TEXT else f"{value[: _LONGEST_TEXT - 1]}…"
