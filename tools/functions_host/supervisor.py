"""The parent process: owns the listening socket and keeps the workers running.

Every worker inherits the same socket. A worker that dies is named in the log and started again, at once
after a function timeout, else after a pause that grows while workers die young. SIGTERM and SIGINT drain all
of them; when the parent itself is killed, the workers end with it.
"""

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tools.functions_host.errors import ExitCode, HostError
from tools.functions_host.options import HostOptions, WorkerAssignment

_logger = logging.getLogger("functions_host.supervisor")

POLL_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0
KILL_MARGIN_SECONDS = 10.0
BACKLOG = 2048

_TOOLS_PARENT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class _Slot:
    """The place of one worker, whoever fills it now; times are on the monotonic clock."""

    index: int
    process: subprocess.Popen[bytes] | None = None
    ready_fd: int | None = None
    started: float = 0.0
    deaths: int = 0
    start_at: float = 0.0
    was_ready: bool = field(default=False)


class Supervisor:
    """Starts `count` workers and stays until it is told to stop."""

    def __init__(self, options: HostOptions, *, count: int) -> None:
        self._options = options
        self._slots = [_Slot(index) for index in range(count)]
        self._stopping = False
        self._announced = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """The exit code of the host: 0 after an orderly stop. Raises HostError when it cannot start."""
        self._socket = _bind(self._options)
        self._parent_fd, self._life_fd = os.pipe()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request_stop)
        try:
            while not self._stopping:
                self._start_due()
                self._wait()
                self._reap()
            return self._drain()
        finally:
            self._kill_rest()

    def _request_stop(self, *_: object) -> None:
        self._stopping = True

    def _start_due(self) -> None:
        for slot in self._slots:
            if slot.process is None and slot.start_at <= time.monotonic():
                self._start(slot)

    def _start(self, slot: _Slot) -> None:
        ready_read, ready_write = os.pipe()
        assignment = WorkerAssignment(
            options=self._options,
            index=slot.index,
            count=len(self._slots),
            listen_fd=self._socket.fileno(),
            ready_fd=ready_write,
            parent_fd=self._parent_fd,
        )
        # A session of its own: Ctrl-C at the terminal reaches the parent alone, which drains the workers.
        slot.process = subprocess.Popen(
            [sys.executable, "-m", "tools.functions_host.worker", assignment.model_dump_json()],
            cwd=_TOOLS_PARENT,
            stdin=subprocess.DEVNULL,
            pass_fds=(assignment.listen_fd, ready_write, self._parent_fd),
            start_new_session=True,
        )
        os.close(ready_write)
        slot.ready_fd, slot.started, slot.was_ready = ready_read, time.monotonic(), False
        self._selector.register(ready_read, selectors.EVENT_READ, slot)

    def _wait(self) -> None:
        for key, _ in self._selector.select(POLL_SECONDS):
            slot: _Slot = key.data
            slot.was_ready = os.read(key.fd, 16) == b"ready\n"
            self._forget_ready_pipe(slot)
        if not self._announced and all(slot.was_ready for slot in self._slots):
            self._announced = True
            host, port = self._socket.getsockname()[:2]
            print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)

    def _forget_ready_pipe(self, slot: _Slot) -> None:
        if slot.ready_fd is not None:
            self._selector.unregister(slot.ready_fd)
            os.close(slot.ready_fd)
            slot.ready_fd = None

    def _reap(self) -> None:
        for slot in self._slots:
            code = slot.process.poll() if slot.process else None
            if slot.process is None or code is None:
                continue
            if not self._announced:
                raise HostError(f"worker {slot.index} did not start (exit code {code})")
            self._plan_restart(slot, code)

    def _plan_restart(self, slot: _Slot, code: int) -> None:
        self._forget_ready_pipe(slot)
        lived = time.monotonic() - slot.started
        slot.deaths = 0 if lived > STEADY_SECONDS or code == ExitCode.FUNCTION_TIMEOUT else slot.deaths + 1
        pause = (
            0.0
            if slot.deaths == 0
            else min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (slot.deaths - 1))
        )
        _logger.warning(
            "worker %d (pid %d) ended with %s after %.1f s; it starts again in %.1f s",
            slot.index,
            slot.process.pid if slot.process else 0,
            _describe(code),
            lived,
            pause,
            extra={"action": "worker_ended", "worker": slot.index, "exit_code": code},
        )
        slot.process, slot.start_at = None, time.monotonic() + pause

    def _drain(self) -> int:
        """Tell every worker to drain and wait for it; kill what does not end."""
        workers = [slot.process for slot in self._slots if slot.process is not None]
        for process in workers:
            process.terminate()
        deadline = time.monotonic() + self._options.drain_seconds + KILL_MARGIN_SECONDS
        while any(process.poll() is None for process in workers) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS / 2)
        return (
            ExitCode.OK
            if all(process.poll() == ExitCode.OK for process in workers)
            else ExitCode.DRAIN_INCOMPLETE
        )

    def _kill_rest(self) -> None:
        for slot in self._slots:
            if slot.process is not None and slot.process.poll() is None:
                slot.process.kill()
                slot.process.wait()
        self._socket.close()


def _bind(options: HostOptions) -> socket.socket:
    try:
        return socket.create_server(
            (options.host, options.port),
            family=socket.AF_INET6 if ":" in options.host else socket.AF_INET,
            backlog=BACKLOG,
        )
    except OSError as exc:
        raise HostError(f"cannot listen on {options.host}:{options.port}: {exc}") from exc


def _describe(code: int) -> str:
    if code < 0:
        return signal.Signals(-code).name
    return f"{ExitCode(code).name} ({code})" if code in set(ExitCode) else f"exit code {code}"
