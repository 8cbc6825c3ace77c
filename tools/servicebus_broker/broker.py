"""The server: one event loop, one engine, and commits shared by all that happened since the last."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import uuid4

from tools.servicebus_broker.amqp.errors import AmqpError
from tools.servicebus_broker.cbs import answer_cbs
from tools.servicebus_broker.connection import Connection
from tools.servicebus_broker.dispatcher import Dispatcher
from tools.servicebus_broker.engine.definitions import QueueDefinition
from tools.servicebus_broker.engine.engine import Engine
from tools.servicebus_broker.engine.queue import Queue
from tools.servicebus_broker.engine.records import Clock, QuotaExceeded
from tools.servicebus_broker.engine.storage import Storage
from tools.servicebus_broker.links import Accept
from tools.servicebus_broker.management import answer_management
from tools.servicebus_broker.messages import read_messages
from tools.servicebus_broker.nodes import Node, QueueNode, RequestNode
from tools.servicebus_broker.requests import read_request, write_response
from tools.servicebus_broker.session import Session

log = logging.getLogger(__name__)

TICK_SECONDS = 0.1
"""How often locks, schedules and expiries are looked at."""


def wall_clock() -> int:
    """Return milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


class Broker:
    """A broker over one data file. ``async with Broker(...) as broker`` serves until the block ends.

    Nothing is written to a client before the changes it answers are committed, and all frames read in one
    turn of the event loop, of all connections, share one commit.
    """

    def __init__(
        self,
        definitions: Iterable[QueueDefinition],
        *,
        data: Path,
        release_on_disconnect: bool = False,
        clock: Clock = wall_clock,
    ) -> None:
        """Load ``data``. Raises DataFileInUse, sqlite3.Error."""
        self.host, self.port = "", 0
        self.release_on_disconnect = release_on_disconnect
        self.container_id = f"servicebus-broker-{uuid4().hex[:8]}"
        self._clock = clock
        self._engine = Engine(definitions, storage=Storage(data), clock=clock)
        self._dispatchers = {
            queue: Dispatcher(queue, on_work=self._work_soon) for queue in self.queues.values()
        }
        self._connections: set[Connection] = set()
        self._work: set[Dispatcher] = set()
        self._output: set[Connection] = set()
        self._is_turn_planned = False
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._failure: asyncio.Future[None] | None = None

    async def __aenter__(self) -> "Broker":
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Listen; return the address, with the port that was picked for 0. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._failure = loop.create_future()
        self._server = await loop.create_server(lambda: Connection(self), host, port)
        self._ticker = loop.create_task(self._tick())
        self.host, self.port = self._server.sockets[0].getsockname()[:2]
        return self.host, self.port

    async def stop(self) -> None:
        """Commit, write what is left to write, close all connections and the data file."""
        if self._server is not None and self._ticker is not None:
            self._server.close()
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
            self._turn()
            for connection in tuple(self._connections):
                connection.abort()
            await asyncio.sleep(0)
        if self.has_failed:
            self._engine.abort()
        else:
            self._engine.close()

    async def failure(self) -> None:
        """Wait until the storage fails, then raise its sqlite3.Error; nothing is acknowledged after it."""
        assert self._failure is not None
        await asyncio.shield(self._failure)

    # ---- for connections

    @property
    def queues(self) -> Mapping[str, Queue]:
        """All queues by path, in lower case."""
        return self._engine.queues

    @property
    def has_failed(self) -> bool:
        """Whether the storage has failed."""
        return self._failure is not None and self._failure.done()

    def dispatcher(self, queue: Queue) -> Dispatcher:
        """Return who hands out the messages of ``queue``."""
        return self._dispatchers[queue]

    def acceptor(self, node: Node, session: Session) -> Accept:
        """Return what takes the messages sent to ``node``."""
        if isinstance(node, QueueNode):
            return lambda data, message_format: _enqueue(node.queue, data, message_format)
        return lambda data, _format: _answer(node, session, data)

    def connected(self, connection: Connection) -> None:
        """Note a new connection."""
        self._connections.add(connection)

    def disconnected(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        self._output.discard(connection)

    def flush_soon(self, connection: Connection) -> None:
        """Commit and let the connection write, once the frames at hand have been applied."""
        self._output.add(connection)
        self._plan_turn()

    # ---- turns

    def _work_soon(self, dispatcher: Dispatcher) -> None:
        self._work.add(dispatcher)
        self._plan_turn()

    def _plan_turn(self) -> None:
        if not self._is_turn_planned:
            self._is_turn_planned = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Dispatch, commit, and only then write."""
        self._is_turn_planned = False
        if self.has_failed:
            return
        work, self._work = self._work, set()
        for dispatcher in work:
            self._dispatch(dispatcher)
        try:
            self._engine.commit()
        except sqlite3.Error as exc:
            self._fail(exc)
            return
        output, self._output = self._output, set()
        now = self._clock()
        for connection in output:
            connection.flush(now)

    def _dispatch(self, dispatcher: Dispatcher) -> None:
        try:
            dispatcher.dispatch()
        except Exception:  # the one place: a defect met in one queue must not end the others' service
            log.exception("a queue was not dispatched", extra={"action": "dispatch_failed"})

    def _fail(self, exc: sqlite3.Error) -> None:
        """Memory is now ahead of the disk: acknowledge nothing any more."""
        assert self._failure is not None
        log.critical("the data file cannot be written", extra={"action": "storage_failed"})
        self._failure.set_exception(exc)
        for connection in tuple(self._connections):
            connection.abort()

    async def _tick(self) -> None:
        while not self.has_failed:
            try:
                self._engine.advance()
            except sqlite3.Error as exc:
                self._fail(exc)
                return
            now = self._clock()
            for connection in tuple(self._connections):
                connection.keep_alive(now)
            self._plan_turn()
            await asyncio.sleep(TICK_SECONDS)


def _enqueue(queue: Queue, data: bytes, message_format: int) -> None:
    """Store all messages of a delivery, or none if one of them cannot be read."""
    try:
        queue.enqueue(read_messages(data, message_format))
    except QuotaExceeded as exc:
        raise AmqpError("amqp:resource-limit-exceeded", str(exc)) from exc


def _answer(node: RequestNode, session: Session, data: bytes) -> None:
    request = read_request(data)
    link = session.response_link(node.path, request.reply_to)
    if link is None:
        raise AmqpError("amqp:precondition-failed", f"no receiving link is attached to {node.path}")
    response = answer_cbs(request) if node.queue is None else answer_management(node.queue, request)
    link.answer(write_response(request, response))
