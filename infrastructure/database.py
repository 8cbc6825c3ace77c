"""The application's connections to PostgreSQL, and its unit of work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_dumps
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from core.crashpoints import crashpoint
from core.errors import Unavailable
from core.models.task import ClaimedTask, TaskRecord, TaskStatus
from infrastructure.repositories.artefacts import ArtefactRepository
from infrastructure.repositories.jobs import JobRepository, json_dumps
from infrastructure.repositories.outbox import OutboxRepository
from infrastructure.repositories.tasks import TaskRepository

LOG = logging.getLogger(__name__)
Connection = psycopg.Connection[dict[str, Any]]
set_json_dumps(json_dumps)

# Guards for every session: a forgotten transaction or an endless wait must not stop the others.
_SESSION = (
    "-c lock_timeout=5s -c idle_in_transaction_session_timeout=60s "
    "-c default_transaction_isolation=read\\ committed -c timezone=UTC"
)


class Database:
    """A lazily opened pool.

    `connection()` is one transaction in READ COMMITTED; rows are dicts. `on_promised` is called after
    each commit with the ids of the outbox messages that the transaction promised.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_min: int = 1,
        pool_max: int = 16,
        connect_seconds: float = 2.5,
        jobs_queue: str = "geospatial-jobs",
        on_promised: Callable[[Sequence[int]], None],
    ) -> None:
        self._url = url
        self._limits = (pool_min, pool_max)
        self._connect_seconds = connect_seconds
        self.jobs_queue = jobs_queue
        self.on_promised = on_promised
        self._asks_again_at = 0.0

    @cached_property
    def _pool(self) -> ConnectionPool[Connection]:
        low, high = self._limits
        return ConnectionPool(
            self._url,
            min_size=low,
            max_size=high,
            timeout=self._connect_seconds,
            open=True,
            # A connection that died while idle (a restarted server) must not reach a caller.
            check=ConnectionPool.check_connection,
            reconnect_timeout=5,
            kwargs={"row_factory": dict_row, "options": _SESSION, "connect_timeout": 5},
            connection_class=psycopg.Connection[dict[str, Any]],
        )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection in a transaction: committed when the block ends well, else rolled back.

        Raises:
            Unavailable: (DB_UNAVAILABLE) the database does not answer, or went away on the way.
        """
        if time.monotonic() < self._asks_again_at:
            raise _unavailable()
        try:
            with self._pool.connection() as connection:
                yield connection
        except (PoolTimeout, PoolClosed, psycopg.OperationalError) as exc:
            if isinstance(exc, PoolTimeout):
                # Whoever comes in this second need not wait as well: callers get their answer at once.
                self._asks_again_at = time.monotonic() + 1.0
            LOG.warning(
                "the database does not answer", extra={"action": "database_unavailable"}, exc_info=exc
            )
            raise _unavailable() from exc

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        """One transaction with the repositories on it; its promised messages go out after the commit."""
        with self.connection() as connection:
            work = UnitOfWork(connection, self.jobs_queue)
            yield work
            if work.outbox.promised:
                crashpoint("before_commit")
        if work.outbox.promised:
            crashpoint("after_commit_before_send")
            self.on_promised(tuple(work.outbox.promised))

    @contextmanager
    def statement(self) -> Iterator[UnitOfWork]:
        """Like `unit_of_work`, for a single statement: it commits by itself, which saves two round trips."""
        with self.connection() as connection:
            connection.autocommit = True
            try:
                work = UnitOfWork(connection, self.jobs_queue)
                yield work
            finally:
                if not connection.closed:
                    connection.autocommit = False
        if work.outbox.promised:
            crashpoint("after_statement_before_send")
            self.on_promised(tuple(work.outbox.promised))

    @property
    def tasks(self) -> TaskTransactions:
        """The task store in which every call is a transaction of its own."""
        return TaskTransactions(self)

    def close(self) -> None:
        """Close the pool, if it was ever opened."""
        if "_pool" in self.__dict__:
            self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class UnitOfWork:
    """The repositories on one connection; see `core.ports.UnitOfWork`."""

    def __init__(self, connection: Connection, jobs_queue: str) -> None:
        self.connection = connection
        self.outbox = OutboxRepository(connection, jobs_queue=jobs_queue)
        self.jobs = JobRepository(connection)
        self.tasks = TaskRepository(connection, outbox=self.outbox, jobs_queue=jobs_queue)
        self.artefacts = ArtefactRepository(connection)

    def savepoint(self) -> AbstractContextManager[object]:
        """A block that is undone alone when it raises; the messages it promised are undone with it."""
        return self._savepoint()

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        promised = len(self.outbox.promised)
        try:
            with self.connection.transaction():
                yield
        except BaseException:
            del self.outbox.promised[promised:]
            raise


class TaskTransactions:
    """`core.ports.TaskStore` and `ArtefactLog` in which every call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, task_id: str, *, worker: str, app_name: str, lease: timedelta) -> ClaimedTask | None:
        """See `core.ports.TaskStore`."""
        with self._database.statement() as work:
            return work.tasks.claim(task_id, worker=worker, app_name=app_name, lease=lease)

    @retry(
        retry=retry_if_exception_type(Unavailable),
        wait=wait_exponential_jitter(multiplier=0.2, max=3),
        stop=stop_after_delay(30),
        reraise=True,
    )
    def finish(self, claimed: ClaimedTask, status: TaskStatus, **outcome: Any) -> bool:
        """See `core.ports.TaskStore`.

        Work that is done is worth some patience with a database that restarts. Whether a commit whose
        answer was lost took place does not matter: the second try is fenced out.
        """
        with self._database.statement() as work:
            return work.tasks.finish(claimed, status, **outcome)

    def renew(self, leases: Sequence[tuple[str, int, float]], *, lease: timedelta) -> set[str]:
        """See `core.ports.TaskStore`."""
        with self._database.statement() as work:
            return work.tasks.renew(leases, lease=lease)

    def list(self, job_id: str, *, stage: int | None, limit: int, offset: int) -> Sequence[TaskRecord]:
        """See `core.ports.TaskStore`."""
        with self._database.statement() as work:
            return work.tasks.list(job_id, stage=stage, limit=limit, offset=offset)

    def stage_table(self, name: str, *, job_id: str, task_id: str, attempt: int) -> None:
        """See `core.ports.ArtefactLog`."""
        with self._database.statement() as work:
            work.artefacts.stage("table", name, job_id=job_id, task_id=task_id, attempt=attempt)

    def stage_blob(self, uri: str, *, job_id: str, task_id: str, attempt: int) -> None:
        """See `core.ports.ArtefactLog`."""
        with self._database.statement() as work:
            work.artefacts.stage("blob", uri, job_id=job_id, task_id=task_id, attempt=attempt)


def _unavailable() -> Unavailable:
    return Unavailable(
        "The database does not answer.", code="DB_UNAVAILABLE", remedy="Try again in some seconds."
    )
