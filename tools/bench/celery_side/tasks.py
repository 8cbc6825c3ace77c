"""The Celery app: three chords of no-op tasks, one after the other; each waits for the whole of the last.

A chord's body starts the next chord by itself. The other way, one canvas of all three, would carry the
whole rest in each task's message, which is known to be slow and would be no fair comparison.
"""

import os
import time

from celery import Celery, chord

app = Celery("bench", broker=os.environ["BENCH_REDIS_URL"], backend=os.environ["BENCH_REDIS_URL"])
app.conf.update(
    task_acks_late=True,  # as the engine: work that a dead worker had is done again
    task_reject_on_worker_lost=True,
    broker_connection_retry_on_startup=True,
)


@app.task
def noop(index: int) -> int:
    """Nothing, but which task it was."""
    return index


@app.task
def start(run: str, tasks: int, stages: int) -> None:
    """Open the first stage; the clock runs from here, in the worker, as the engine's does."""
    _open(run, tasks=tasks, stage=1, stages=stages, started=time.time())


@app.task
def stage_done(indexes: list[int], run: str, stage: int, stages: int, started: float) -> None:
    """Check that the stage is whole, then open the next one or leave the time that the job took."""
    if indexes != list(range(len(indexes))):
        raise AssertionError("a chord's body was called before its header was complete")
    if stage < stages:
        _open(run, tasks=len(indexes), stage=stage + 1, stages=stages, started=started)
    else:
        app.backend.client.set(run, str(time.time() - started))


def _open(run: str, *, tasks: int, stage: int, stages: int, started: float) -> None:
    body = stage_done.s(run=run, stage=stage, stages=stages, started=started)
    chord((noop.s(index) for index in range(tasks)), body).apply_async()
