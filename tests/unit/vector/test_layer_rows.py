"""The rows of a layer as chunks hold them."""

from collections.abc import Iterator

import pyarrow as pa

from core.task_models.vector import VectorReading
from services.vector.layer_rows import LayerRows
from services.vector.stream import LayerStream

BATCHES, TEXT_BYTES = 20, 2**20


def test_ids_do_not_keep_the_batches_that_they_came_in() -> None:
    """Ids of a file are slices of what Arrow has allocated for a whole batch of it."""
    table = pa.schema([("fid", pa.int64()), ("geom", pa.binary())])

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(BATCHES):
            # one buffer for both columns, as GDAL and IPC hand them out
            made = pa.record_batch([pa.array([number]), pa.array([b"x" * TEXT_BYTES])], schema=table)
            sent = made.serialize()
            del made
            yield pa.ipc.read_record_batch(sent, table)

    stream = LayerStream(
        crs="EPSG:4326", geometry_column="geom", schema=table, fid_column="fid", batches=batches()
    )
    rows = LayerRows.of("places", stream, VectorReading())
    before, most = pa.total_allocated_bytes(), 0
    for batch in rows.batches():
        del batch
        most = max(most, pa.total_allocated_bytes() - before)

    assert rows.count == BATCHES
    assert most < BATCHES * TEXT_BYTES / 2
