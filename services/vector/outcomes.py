"""What became of rows, added up: of the batches of a chunk, and of the chunks of a table."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from core.task_models.vector import BoundingBox, ChunkResult, RejectReason, RepairNote, StepCount
from services.vector import digest
from services.vector.cleaning import CleanedChunk
from services.vector.footprint import merged

_LARGEST_REPAIRS = 10
_DIGESTS = ("loaded_digest", "rejected_digest")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The attributes are those of `ChunkResult`; digests are numbers."""

    loaded: int
    rejected: int
    null_geometry_count: int
    loaded_digest: int
    rejected_digest: int
    bbox: BoundingBox | None
    cells: str
    steps: tuple[StepCount, ...]
    reasons: dict[RejectReason, int]
    repairs: tuple[RepairNote, ...]
    area_change: float
    vertex_count: int
    largest_vertex_count: int
    size_bytes: int

    @classmethod
    def of(cls, cleaned: CleanedChunk, digests: np.ndarray) -> "Outcome":
        """Of a cleaned batch, and the digests of all its rows."""
        return cls(
            loaded=len(cleaned.loaded_rows),
            rejected=len(cleaned.rejected_rows),
            null_geometry_count=cleaned.null_geometry_count,
            loaded_digest=digest.sum_of(digests[cleaned.loaded_rows]),
            rejected_digest=digest.sum_of(digests[cleaned.rejected_rows]),
            bbox=cleaned.bbox,
            cells=cleaned.cells,
            steps=cleaned.steps,
            reasons=dict(Counter(cleaned.reasons)),
            repairs=cleaned.repairs,
            area_change=cleaned.area_change,
            vertex_count=cleaned.vertex_count,
            largest_vertex_count=cleaned.largest_vertex_count,
            size_bytes=cleaned.size_bytes,
        )

    @classmethod
    def stored_as(cls, result: ChunkResult) -> "Outcome":
        """Of a chunk that has been loaded."""
        values = {each.name: getattr(result, each.name) for each in fields(cls)}
        digests = {name: digest.value_of(values[name]) for name in _DIGESTS}
        return cls(**(values | digests))

    def stored(self) -> dict[str, Any]:
        """As arguments of a `ChunkResult`."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return values | {name: digest.total(values[name]) for name in _DIGESTS}


def added_up(outcomes: Sequence[Outcome]) -> Outcome:
    """All together; of at least one."""
    return Outcome(
        loaded=sum(each.loaded for each in outcomes),
        rejected=sum(each.rejected for each in outcomes),
        null_geometry_count=sum(each.null_geometry_count for each in outcomes),
        loaded_digest=sum(each.loaded_digest for each in outcomes),
        rejected_digest=sum(each.rejected_digest for each in outcomes),
        bbox=united(each.bbox for each in outcomes),
        cells=merged(each.cells for each in outcomes),
        steps=summed_steps(step for each in outcomes for step in each.steps),
        reasons=dict(sum((Counter(each.reasons) for each in outcomes), Counter[RejectReason]())),
        repairs=_largest(repair for each in outcomes for repair in each.repairs),
        area_change=sum(each.area_change for each in outcomes),
        vertex_count=sum(each.vertex_count for each in outcomes),
        largest_vertex_count=max(each.largest_vertex_count for each in outcomes),
        size_bytes=sum(each.size_bytes for each in outcomes),
    )


def united(boxes: Iterable[BoundingBox | None]) -> BoundingBox | None:
    """The bounds of all boxes that are there."""
    found = [box for box in boxes if box is not None]
    if not found:
        return None
    west, south, east, north = zip(*found, strict=True)
    return min(west), min(south), max(east), max(north)


def summed_steps(steps: Iterable[StepCount]) -> tuple[StepCount, ...]:
    """One count for each step, policy and unit."""
    counts = Counter[tuple[str, str, str]]()
    for each in steps:
        counts[each.step, each.policy, each.unit] += each.count
    return tuple(
        StepCount.model_validate({"step": step, "policy": policy, "count": count, "unit": unit})
        for (step, policy, unit), count in sorted(counts.items())
    )


def _largest(repairs: Iterable[RepairNote]) -> tuple[RepairNote, ...]:
    def order(repair: RepairNote) -> tuple[float, int]:
        return -abs(repair.area_after - repair.area_before), repair.row

    return tuple(sorted(repairs, key=order)[:_LARGEST_REPAIRS])
