"""Runs the three chords, and tells how long they took."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import celery
import redis

from tools.bench.celery_side.servers import RedisServer, celery_worker
from tools.stack.state import StateDirectory

_START = "tools.bench.celery_side.tasks.start"


class CeleryClient:
    """One worker, and the way to it."""

    def __init__(self, url: str) -> None:
        self._app = celery.Celery(broker=url, backend=url)
        self._results = redis.Redis.from_url(url)

    def run(self, *, tasks: int, stages: int, wait_seconds: float) -> float:
        """Seconds from the first stage's opening to the last one's end, by the worker's clock."""
        run = f"bench-{uuid.uuid4().hex}"
        self._app.send_task(_START, (run, tasks, stages), ignore_result=True)
        deadline = time.monotonic() + wait_seconds
        while time.monotonic() < deadline:
            if (seconds := self._results.get(run)) is not None:
                return float(seconds)
            time.sleep(0.02)
        raise TimeoutError(f"the chords did not end within {wait_seconds} s")


@contextmanager
def celery_side(root: Path, state_dir: Path, *, concurrency: int, durable: bool) -> Iterator[CeleryClient]:
    """A worker of `concurrency` processes on a Redis of its own, warmed up."""
    state = StateDirectory(state_dir)
    server = RedisServer(state=state, durable=durable)
    server.stop()
    server.start()
    try:
        server.wait_ready()
        with celery_worker(root, server, state=state, concurrency=concurrency):
            client = CeleryClient(server.url)
            client.run(tasks=200, stages=3, wait_seconds=60)
            yield client
    finally:
        server.stop()
