"""The task `process_vector_upload`: one chunk is cleaned and copied into its table, exactly once."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import pyarrow as pa

from core.crashpoints import crashpoint
from core.errors import ContractViolation
from core.schema.queue import QueueRole
from core.task_models.vector import ChunkFile, ChunkResult, LoadChunkParameters, TablePlan, VectorPlan
from core.vector_ports import SentRows
from services.context import TaskContext
from services.registry import register_task
from services.turns import processors, turn
from services.vector import digest
from services.vector.chunks import DETAIL, REASON, open_writer, read_chunk, row_digests
from services.vector.cleaning import CleanedChunk, clean
from services.vector.documents import ARROW, keep, read_plan, spec_of
from services.vector.extended_wkb import extended
from services.vector.outcomes import Outcome, added_up
from services.vector.planning import duplicates_of

_MEMORY_LIMIT_BYTES = 4 * 1024**3  # of address space
_FETCHED, _SENT = 0.2, 0.9  # progress


@register_task(
    "process_vector_upload",
    queue=QueueRole.VECTOR_TASKS,
    isolated=True,
    memory_limit_bytes=_MEMORY_LIMIT_BYTES,
    aliases=("handler_vector_upload",),
)
def load_chunk(parameters: LoadChunkParameters, context: TaskContext) -> ChunkResult:
    """Load a chunk of a planned table; what an earlier attempt has loaded is only reported again.

    Raises:
        PermanentTaskError: VALUE_REFUSED, STAGING_TABLE_GONE.
        TransientError: STORAGE_TIMEOUT, DB_UNAVAILABLE.
    """
    plan = read_plan(context.storage, parameters.plan_uri)
    loading = _Loading(parameters, plan, context)
    with turn(context, "vector-loading", places=2 * processors()):  # half of it waits for the database
        stored = context.vectors.load_chunk(
            spec_of(loading.table),
            chunk_index=parameters.chunk_index,
            batches=loading.batches(),
            digests=digest.range_digests,
            result=loading.result,
        )
    crashpoint("chunk_loaded_before_recorded")
    context.checkpoint(1.0)
    return ChunkResult.model_validate(stored)


class _Loading:
    """One attempt at one chunk: cleans batch by batch, and adds up what became of the rows."""

    def __init__(self, parameters: LoadChunkParameters, plan: VectorPlan, context: TaskContext) -> None:
        self.table: TablePlan = plan.tables[parameters.table_index]
        self._chunk: ChunkFile = self.table.chunks[parameters.chunk_index]
        self._parameters = parameters
        self._plan = plan
        self._context = context
        self._rejects = context.workspace / "rejects.arrow"
        self._outcomes: list[Outcome] = []

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows for the table. Nothing is fetched before the first is asked for."""
        path = self._context.workspace / "chunk.arrow"
        self._context.storage.download(self._chunk.uri, path)
        duplicates = self._duplicates()
        self._context.checkpoint(_FETCHED)
        done = 0
        with ExitStack() as files:
            writer: pa.ipc.RecordBatchFileWriter | None = None
            for batch in read_chunk(path):
                cleaned = clean(
                    batch, plan=self.table, options=self._plan.parameters.cleaning, duplicates=duplicates
                )
                self._outcomes.append(Outcome.of(cleaned, row_digests(batch)))
                if len(cleaned.rejected_rows):
                    rejected = _rejected(batch, cleaned)
                    writer = writer or open_writer(self._rejects, rejected.schema, files)
                    writer.write_batch(rejected)
                yield _extended(cleaned.loaded)
                done += batch.num_rows
                self._context.checkpoint(_FETCHED + (_SENT - _FETCHED) * done / self._chunk.rows)

    def result(self, sent: SentRows) -> Mapping[str, Any]:
        """What is stored beside the rows.

        Raises:
            ContractViolation: rows are not the ones that were written into the chunk, or not all were sent.
        """
        outcome = added_up(self._outcomes)
        self._check(outcome, sent)
        made = ChunkResult(
            plan_uri=self._parameters.plan_uri,
            table_index=self._parameters.table_index,
            chunk_index=self._parameters.chunk_index,
            stored_digest=digest.total(sent.digest),
            rejects_uri=self._kept_rejects() if outcome.rejected else None,
            **outcome.stored(),
        )
        crashpoint("chunk_sent_before_committed")
        return made.model_dump(mode="json")

    def _check(self, outcome: Outcome, sent: SentRows) -> None:
        found = digest.total(outcome.loaded_digest, outcome.rejected_digest)
        is_whole = outcome.loaded + outcome.rejected == self._chunk.rows and found == self._chunk.digest
        if not is_whole or sent.row_count != outcome.loaded:
            raise ContractViolation("a chunk is not what was written: rows were lost or changed on the way")

    def _duplicates(self) -> np.ndarray | None:
        if self.table.duplicates_uri is None:
            return None
        path = self._context.workspace / "duplicates.npy"
        self._context.storage.download(self.table.duplicates_uri, path)
        return duplicates_of(path)

    def _kept_rejects(self) -> str:
        prefix = self._plan.parameters.target_prefix.rstrip("/")
        uri = f"{prefix}/{self._context.attempt_name}_rejects.arrow"
        keep(self._context, self._rejects, uri, content_type=ARROW)
        return uri


def _extended(loaded: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with geometries as PostGIS writes them."""
    last = loaded.num_columns - 1
    return loaded.set_column(last, loaded.schema.field(last), extended(loaded.column(last)))


def _rejected(batch: pa.RecordBatch, cleaned: CleanedChunk) -> pa.RecordBatch:
    """The rejected rows as they were, with reasons and details."""
    rows = batch.take(pa.array(cleaned.rejected_rows))
    reasons = pa.array([str(reason) for reason in cleaned.reasons], pa.string())
    details = pa.array(cleaned.details, pa.string())
    return pa.RecordBatch.from_arrays(
        [*rows.columns, reasons, details], names=[*rows.schema.names, REASON, DETAIL]
    )
