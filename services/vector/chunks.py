"""Chunk files: rows of a layer between the task that reads them and the tasks that load them.

Arrow IPC files with LZ4: about as cheap to write as without, and half as much to send. They are written while
the source is read, and sent by a thread of their own meanwhile.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from core.task_models.vector import ChunkFile
from services.context import TaskContext
from services.vector import digest
from services.vector.documents import ARROW, announce

ROW, FID, WKB = "__row", "__fid", "__wkb"
PREFIX_FIELDS = (pa.field(ROW, pa.int64()), pa.field(FID, pa.int64()), pa.field(WKB, pa.binary()))
REASON, DETAIL = "__reason", "__detail"
_CHUNK_ROWS, _CHUNK_BYTES = 131_072, 16 * 2**20
_MOST_WAITING = 2  # chunk files on the local disk


class ChunkSender:
    """Sends finished files, one at a time, in a thread; used as a context."""

    def __init__(self, context: TaskContext, prefix: str) -> None:
        self._context = context
        self._prefix = f"{prefix.rstrip('/')}/{context.attempt_name}"
        self._threads = ThreadPoolExecutor(1, "sending chunks")
        self._waiting: list[Future[None]] = []
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            self._collect(0)

    def next_path(self) -> Path:
        """Where the next file is written."""
        self._number += 1
        return self._context.workspace / f"chunk_{self._number}.arrow"

    def send(self, path: Path) -> str:
        """Send a file and remove it, some time later; the URI that it gets.

        Raises:
            TransientError: STORAGE_TIMEOUT, also for an earlier file.
        """
        uri = f"{self._prefix}_{path.stem}.arrow"
        announce(self._context, uri)
        self._collect(_MOST_WAITING - 1)
        self._waiting.append(self._threads.submit(self._send, path, uri))
        return uri

    def _send(self, path: Path, uri: str) -> None:
        self._context.storage.upload_new(path, uri, content_type=ARROW)
        path.unlink()

    def _collect(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.pop(0).result()


class ChunkWriter:
    """Writes the rows of one table into as many chunk files as they need."""

    def __init__(self, sender: ChunkSender, schema: pa.Schema) -> None:
        self._sender = sender
        self._schema = schema
        self._chunks: list[ChunkFile] = []
        self._open: _OpenChunk | None = None

    def add(self, batch: pa.RecordBatch, digests: np.ndarray) -> None:
        """Add rows and their digests."""
        if self._open is None:
            self._open = _OpenChunk(self._sender.next_path(), self._schema)
        self._open.add(batch, digests)
        if self._open.is_full:
            self._end()

    def chunks(self) -> tuple[ChunkFile, ...]:
        """All of them; nothing may be added any more."""
        self._end()
        return tuple(self._chunks)

    def _end(self) -> None:
        if self._open is None:
            return
        chunk, self._open = self._open, None
        size_bytes = chunk.close()
        uri = self._sender.send(chunk.path)
        self._chunks.append(
            ChunkFile(uri=uri, rows=chunk.rows, size_bytes=size_bytes, digest=digest.total(chunk.digest))
        )


class _OpenChunk:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path, self.rows, self.digest = path, 0, 0
        self._bytes = 0
        self._files = ExitStack()
        self._writer = open_writer(path, schema, self._files)

    @property
    def is_full(self) -> bool:
        return self.rows >= _CHUNK_ROWS or self._bytes >= _CHUNK_BYTES

    def add(self, batch: pa.RecordBatch, digests: np.ndarray) -> None:
        self._writer.write_batch(batch)
        self.rows += batch.num_rows
        self._bytes += batch.nbytes
        self.digest += digest.sum_of(digests)

    def close(self) -> int:
        self._files.close()
        return self.path.stat().st_size


def open_writer(path: Path, schema: pa.Schema, files: ExitStack) -> pa.ipc.RecordBatchFileWriter:
    """A writer of an Arrow IPC file that ends with `files`."""
    sink = files.enter_context(pa.OSFile(str(path), "wb"))
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    return files.enter_context(pa.ipc.new_file(sink, schema, options=options))


def read_chunk(path: Path) -> Iterator[pa.RecordBatch]:
    """The batches of a chunk file."""
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def row_digests(batch: pa.RecordBatch) -> np.ndarray:
    """The digests of rows of a chunk: of geometry and attributes, not of the row's number and id."""
    return digest.row_digests(batch.select(batch.schema.names[batch.schema.get_field_index(WKB) :]))
