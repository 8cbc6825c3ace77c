"""The book that is kept of a chunk: who was rejected and why, and what was done to the rest."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsInt

import numpy as np
import pyarrow as pa

from core.task_models.vector import RejectReason, RepairNote, StepCount
from services.vector.cleaning.canonical import replaced
from services.vector.cleaning.wkb import Layout

_REASONS = tuple(RejectReason)
_LARGEST_REPAIRS = 10
_MEASURED = 2


class Ledger:
    """Verdicts on the rows of a batch. The first reason to reject a row is the one that stands."""

    def __init__(self, *, row: np.ndarray, fid: np.ndarray) -> None:
        self._row, self._fid = row, fid
        self._reason = np.full(len(row), -1, dtype=np.int8)
        self._details: dict[int, str] = {}
        self._steps: Counter[tuple[str, str, str]] = Counter()
        self._changes: list[tuple[float, RepairNote]] = []
        self.area_change = 0.0

    @property
    def is_alive(self) -> np.ndarray:
        """Which rows are not rejected."""
        alive: np.ndarray = self._reason < 0
        return alive

    def reject(self, rows: np.ndarray, reason: RejectReason, details: str | Sequence[str]) -> None:
        """Reject rows (indices into the batch), with one detail for all or one for each."""
        each = [details] * len(rows) if isinstance(details, str) else details
        for row, detail in zip(rows.tolist(), each, strict=True):
            if self._reason[row] < 0:
                self._reason[row] = _REASONS.index(reason)
                self._details[row] = detail

    def count(self, step: str, policy: str, count: SupportsInt, *, unit: str = "features") -> None:
        """So many more were treated so."""
        if number := int(count):
            self._steps[step, policy, unit] += number

    def repair(self, rows: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
        """Areas of repaired geometries, before and after."""
        changes = np.abs(after - before)
        self.area_change += float(changes.sum())
        largest = np.argsort(-changes, kind="stable")[:_LARGEST_REPAIRS]
        for at in largest.tolist():
            note = RepairNote(
                row=int(self._row[rows[at]]),
                fid=int(self._fid[rows[at]]),
                area_before=float(before[at]),
                area_after=float(after[at]),
            )
            self._changes.append((float(changes[at]), note))

    @property
    def repairs(self) -> tuple[RepairNote, ...]:
        """The largest changes of area, largest first."""
        ordered = sorted(self._changes, key=lambda each: (-each[0], each[1].row))
        return tuple(note for change, note in ordered[:_LARGEST_REPAIRS] if change > 0)

    @property
    def steps(self) -> tuple[StepCount, ...]:
        """What was done how often."""
        return tuple(
            StepCount.model_validate({"step": step, "policy": policy, "count": count, "unit": unit})
            for (step, policy, unit), count in sorted(self._steps.items())
        )

    def rejected(self) -> tuple[np.ndarray, tuple[RejectReason, ...], tuple[str, ...]]:
        """Rows (indices, ascending), reasons and details."""
        rows = np.flatnonzero(~self.is_alive)
        reasons = tuple(_REASONS[self._reason[row]] for row in rows)
        return rows, reasons, tuple(self._details[row] for row in rows.tolist())


@dataclass(frozen=True, slots=True)
class Sheet:
    """The geometries that are being worked on: `rows` of the batch, and their WKB taken apart."""

    rows: np.ndarray
    layout: Layout
    ledger: Ledger

    @classmethod
    def of(cls, rows: np.ndarray, column: pa.Array, ledger: Ledger) -> "Sheet":
        """A sheet of these rows; the column has no nulls."""
        return cls(rows=rows, layout=Layout(column), ledger=ledger)

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, kept: np.ndarray) -> "Sheet":
        """Without the other rows."""
        if kept.all():
            return self
        return Sheet.of(self.rows[kept], self.layout.column.filter(pa.array(kept)), self.ledger)

    def without(self, bad: np.ndarray, reason: RejectReason, details: str | Sequence[str]) -> "Sheet":
        """The rest, when bad rows (a mask) are rejected."""
        if not bad.any():
            return self
        self.ledger.reject(self.rows[bad], reason, details)
        return self.only(~bad)

    def with_wkb(self, which: np.ndarray, wkb: np.ndarray) -> "Sheet":
        """The same with other geometries at some places (ascending indices into the sheet)."""
        if not len(which):
            return self
        made = Sheet.of(self.rows, replaced(self.layout.column, which, wkb), self.ledger)
        lost = (self.layout.dims[which] & _MEASURED) > (made.layout.dims[which] & _MEASURED)
        self.ledger.count("dimensions", "measure_lost", np.count_nonzero(lost))
        return made

    def with_layout(self, layout: Layout) -> "Sheet":
        """The same rows with other coordinates."""
        return Sheet(rows=self.rows, layout=layout, ledger=self.ledger)
