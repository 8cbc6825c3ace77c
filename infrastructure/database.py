"""The application's connections to PostgreSQL, and its unit of work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_dumps
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from core.crashpoints import crashpoint
from core.errors import Unavailable
from infrastructure.repositories.artefacts import ArtefactRepository
from infrastructure.repositories.jobs import JobRepository, json_dumps
from infrastructure.repositories.outbox import OutboxRepository
from infrastructure.repositories.tasks import TaskRepository
from infrastructure.task_transactions import TaskTransactions

LOG = logging.getLogger(__name__)
Connection = psycopg.Connection[dict[str, Any]]
set_json_dumps(json_dumps)

_TRUSTED_SECONDS = 1.0

# Guards for every session: a forgotten transaction or an endless wait must not stop the others. Compiling a
# statement takes longer than any of ours, and is begun whenever the planner overestimates one.
_SESSION = (
    "-c lock_timeout=5s -c idle_in_transaction_session_timeout=60s "
    "-c default_transaction_isolation=read\\ committed -c timezone=UTC -c jit=off"
)


class _PooledConnection(psycopg.Connection[dict[str, Any]]):
    """A connection that knows when it was last given back."""

    returned_at = 0.0


def _note_return(connection: psycopg.Connection[dict[str, Any]]) -> None:
    if isinstance(connection, _PooledConnection):
        connection.returned_at = time.monotonic()


def _check_after_rest(connection: psycopg.Connection[dict[str, Any]]) -> None:
    """A connection that died while idle (a restarted server) must not reach a caller.

    One that was in use a moment ago is taken as it is: asking costs a round trip.
    """
    if time.monotonic() - getattr(connection, "returned_at", 0.0) > _TRUSTED_SECONDS:
        ConnectionPool.check_connection(connection)


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
            check=_check_after_rest,
            reset=_note_return,
            reconnect_timeout=5,
            kwargs={"row_factory": dict_row, "options": _SESSION, "connect_timeout": 5},
            connection_class=_PooledConnection,
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

    @cached_property
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


def _unavailable() -> Unavailable:
    return Unavailable(
        "The database does not answer.", code="DB_UNAVAILABLE", remedy="Try again in some seconds."
    )
