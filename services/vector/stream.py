"""An open layer, as every reader hands it out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.task_models.finding import Finding
from core.task_models.vector import StepCount

if TYPE_CHECKING:
    import pyarrow as pa


def nothing_counted() -> tuple[StepCount, ...]:
    """For readers that have nothing to count."""
    return ()


def nothing_found() -> tuple[Finding, ...]:
    """For readers that have nothing to say."""
    return ()


@dataclass(frozen=True, slots=True)
class LayerStream:
    """An open layer: its schema, and its features as Arrow batches, to be read once, in this thread.

    The geometry is the column `geometry_column`, as WKB. `fid_column` is a column of whole numbers that the
    format itself gives its features as ids; it is no attribute. `crs` is a code or WKT, None when unknown.
    `steps` and `findings` are complete when the batches have been read to their end.
    """

    crs: str | None
    geometry_column: str
    schema: "pa.Schema"
    fid_column: str | None
    batches: "Iterator[pa.RecordBatch]"
    steps: Callable[[], tuple[StepCount, ...]] = nothing_counted
    findings: Callable[[], tuple[Finding, ...]] = nothing_found
