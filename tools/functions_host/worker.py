"""A worker process: imports the function app, serves it, drains it. Started by the supervisor only."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from tools.functions_host.assembly import LoadedApp, http_application, load, queue_listeners, timers
from tools.functions_host.connections import Connections
from tools.functions_host.errors import ExitCode, HostError
from tools.functions_host.function_index import TriggerKind
from tools.functions_host.invocation import Invoker, default_pool_size
from tools.functions_host.options import WorkerAssignment
from tools.functions_host.queue_listener import QueueListener
from tools.functions_host.routing import ALL_METHODS
from tools.functions_host.settings import positive_int
from tools.functions_host.timers import Timer
from tools.functions_host.watchdog import start_watchdog

_logger = logging.getLogger("functions_host.worker")


class Worker:
    """The running parts of one worker: HTTP server, listeners, timers."""

    def __init__(self, app: LoadedApp) -> None:
        self._app = app
        pool = positive_int(os.environ, "PYTHON_THREADPOOL_THREAD_COUNT", default=default_pool_size())
        self._invoker = Invoker(root=app.assignment.options.root, pool_size=pool)
        transport = app.host.extensions.service_bus.transport_type
        self._connections = Connections(os.environ, transport_type=transport)
        self._server = _Server(_server_config(http_application(app, self._invoker, os.environ)))
        self._listeners = queue_listeners(app, self._invoker, self._connections)
        self._parts: list[QueueListener | Timer] = [
            *self._listeners,
            *timers(app, self._invoker, os.environ),
        ]

    async def run(self) -> ExitCode:
        """Serve until SIGTERM, then drain."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        listening = socket.socket(fileno=self._app.assignment.listen_fd)
        server = loop.create_task(self._server.serve(sockets=[listening]))
        await self._server.wait_started()
        parts = [loop.create_task(part.run()) for part in self._parts]
        self._start_watchdog(loop)
        _say_ready(self._app.assignment.ready_fd)
        stopped = loop.create_task(stop.wait())
        await asyncio.wait({stopped, server, *parts}, return_when=asyncio.FIRST_COMPLETED)
        return await self._drain(server, parts)

    async def _drain(self, server: asyncio.Task[None], parts: list[asyncio.Task[None]]) -> ExitCode:
        """Stop receiving and accepting, let what runs finish, give the rest back."""
        seconds = self._app.assignment.options.drain_seconds
        _logger.info("draining for up to %.0f s", seconds, extra={"action": "drain_started"})
        for part in self._parts:
            part.stop()
        self._server.should_exit = True
        finished = asyncio.create_task(self._finished(server, parts))
        # Not wait_for: it would cancel the functions in hand, whose messages are still to be given back.
        await asyncio.wait({finished}, timeout=seconds)
        if not finished.done():
            await self._give_up()
            return ExitCode.DRAIN_INCOMPLETE
        await finished
        await self._connections.close()
        return ExitCode.OK

    async def _finished(self, server: asyncio.Task[None], parts: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(server, *parts)
        await self._invoker.wait_idle()

    async def _give_up(self) -> None:
        names = sorted({running.bound.function_name for running in self._invoker.running.values()})
        _logger.warning("still running after the drain: %s", names, extra={"action": "drain_incomplete"})
        await self._abandon()

    async def _abandon(self) -> None:
        await asyncio.gather(*(listener.abandon_held() for listener in self._listeners))

    def _start_watchdog(self, loop: asyncio.AbstractEventLoop) -> None:
        if (timeout := self._app.host.function_timeout) is None:
            return

        def abandon() -> threading.Event:
            done = threading.Event()
            future = asyncio.run_coroutine_threadsafe(self._abandon(), loop)
            future.add_done_callback(lambda _: done.set())
            return done

        start_watchdog(self._invoker, timeout_seconds=timeout.total_seconds(), abandon=abandon)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to the worker."""

    async def wait_started(self) -> None:
        """Return once connections are accepted."""
        while not self.started:
            await asyncio.sleep(0.005)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle no signal here."""
        yield


def _server_config(application: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
    )


def _say_ready(ready_fd: int) -> None:
    os.write(ready_fd, b"ready\n")
    os.close(ready_fd)


def _leave_with_parent(parent_fd: int) -> None:
    """End at once when the parent is gone, even by SIGKILL: its end of the pipe closes with it."""

    def watch() -> None:
        os.read(parent_fd, 1)
        os._exit(ExitCode.PARENT_GONE)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _log_functions(app: LoadedApp) -> None:
    extra = {"action": "function_indexed"}
    for route in app.routes.routes:
        methods = "all methods" if route.methods >= set(ALL_METHODS) else ",".join(sorted(route.methods))
        _logger.info("%s: [%s] /%s", route.spec.name, methods, route.template, extra=extra)
    for spec in (*app.of(TriggerKind.SERVICE_BUS), *app.of(TriggerKind.TIMER)):
        _logger.info("%s: %s", spec.name, spec.kind, extra=extra)


async def _serve(app: LoadedApp) -> ExitCode:
    return await Worker(app).run()


def main(argument: str) -> ExitCode:
    """Run the worker that `argument`, a WorkerAssignment as JSON, describes."""
    assignment = WorkerAssignment.model_validate_json(argument)
    _leave_with_parent(assignment.parent_fd)
    try:
        app = load(assignment)
        if assignment.index == 0:
            _log_functions(app)
        return asyncio.run(_serve(app))
    except HostError as exc:
        print(f"functions host: {exc}", file=sys.stderr, flush=True)
        return ExitCode.START_FAILED


if __name__ == "__main__":
    code = main(sys.argv[1])
    logging.shutdown()
    # A sync function that outlived the drain would keep an orderly exit waiting.
    os._exit(code)
