"""Command line: serve a data file, or count what is in one."""

import argparse
import asyncio
import json
import logging
import signal
import sqlite3
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from tools.servicebus_broker.broker import Broker
from tools.servicebus_broker.engine.definitions import DefinitionError, load_definitions
from tools.servicebus_broker.engine.inspection import inspect
from tools.servicebus_broker.engine.storage import DataFileInUse


def main() -> int:
    """Run the command; 0 after a clean end, 1 when it cannot be done."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["inspect"]:
        return _inspect(arguments[1:])
    return _serve(arguments)


def _inspect(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="servicebus_broker inspect", description=inspect.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the broker's data file")
    options = parser.parse_args(arguments)
    try:
        print(json.dumps(inspect(options.data), indent=2))
    except sqlite3.Error as exc:
        return _refuse(f"cannot read {options.data}: {exc}")
    return 0


def _serve(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="servicebus_broker", description="A broker for development.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=5672, help="port to listen on; 0 picks a free one")
    parser.add_argument("--data", type=Path, required=True, help="the data file, made when it is not there")
    parser.add_argument("--queues", type=Path, required=True, help="the queue definitions")
    parser.add_argument(
        "--release-on-disconnect", action="store_true", help="give a client's locks back when it disconnects"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_serve_until_stopped(options))
    except (DefinitionError, DataFileInUse, OSError, sqlite3.Error) as exc:
        return _refuse(str(exc))
    return 0


async def _serve_until_stopped(options: argparse.Namespace) -> None:
    definitions = load_definitions(options.queues)
    broker = Broker(definitions, data=options.data, release_on_disconnect=options.release_on_disconnect)
    try:
        host, port = await broker.start(options.host, options.port)
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        print(f"listening on {host}:{port}", flush=True)
        await _first_of(stopped.wait(), broker.failure())
    finally:
        await broker.stop()


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Return, or raise, when the first of ``waits`` does; cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()


def _refuse(reason: str) -> int:
    print(f"servicebus_broker: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
