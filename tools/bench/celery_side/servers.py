"""Redis and a Celery worker, private to the benchmark."""

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.bench.celery_side.packages import redis_server
from tools.stack.part import Launch, Part, inherited_environment
from tools.stack.ports import answers
from tools.stack.processes import ProcessIdentity, kill_leftovers, signal_process, spawn, wait_until
from tools.stack.state import StateDirectory


class RedisServer(Part):
    """Redis with Debian's settings, which snapshot now and then; `durable`: every write is flushed first."""

    def __init__(self, *, state: StateDirectory, durable: bool) -> None:
        super().__init__("redis-durable" if durable else "redis", state=state)
        self._durable = durable
        self._data = state.path / self.name

    @property
    def url(self) -> str:
        """Database 0: broker and results."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _prepare(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(parents=True)

    def _launch(self) -> Launch:
        settings = {"bind": "127.0.0.1", "port": str(self.port), "dir": str(self._data)}
        durability = {"appendonly": "yes", "appendfsync": "always"} if self._durable else {}
        pairs = {**settings, **durability}.items()
        options = [part for name, value in pairs for part in (f"--{name}", value)]
        return Launch(command=[str(redis_server(self._state.path)), *options], cwd=self._data)

    def _is_ready(self) -> bool:
        return answers(self.port)


@contextmanager
def celery_worker(
    root: Path, server: RedisServer, *, state: StateDirectory, concurrency: int
) -> Iterator[None]:
    """A prefork worker. One that an earlier benchmark left behind is killed: it would do some of the work."""
    pid_file = state.pid_file("celery")
    kill_leftovers(pid_file)
    options = ["--pool=prefork", f"--concurrency={concurrency}", "--loglevel=WARNING"]
    spawn(
        [sys.executable, "-m", "celery", "-A", "tools.bench.celery_side.tasks", "worker", *options],
        pid_file=pid_file,
        log_file=state.log_file("celery"),
        environment={**inherited_environment(), "BENCH_REDIS_URL": server.url, "PYTHONPATH": str(root)},
        cwd=root,
    )
    try:
        yield
    finally:
        identity = ProcessIdentity.from_file(pid_file)
        if identity is not None:
            signal_process(identity, signal.SIGTERM)
            wait_until(lambda: not identity.alive(), seconds=15, interval_seconds=0.1)
        kill_leftovers(pid_file)
