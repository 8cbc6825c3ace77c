"""The host's end of the nursery: starts it when it is first needed, and again if it died."""

import contextlib
import itertools
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

LOG = logging.getLogger(__name__)

# The host's own import path, in its order: the worker of Azure Functions puts the app first or last.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from services.isolation.nursery_process import main; main(int(sys.argv[2]), json.loads(sys.argv[3]))"
)
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    """A child, or the promise of one; its birth and death are told on its status pipe."""

    control: socket.socket
    key: int

    def signal(self, number: int) -> None:
        """Send a signal to the child and all that it has started; nothing happens if it is dead."""
        with contextlib.suppress(OSError):  # a nursery that is gone took its children with it
            self.control.send(json.dumps({"key": self.key, "signal": number}).encode())


class Nursery:
    """Bears children, one for each attempt. Safe for threads."""

    def __init__(self, preload: Sequence[str]) -> None:
        self._preload = tuple(preload)
        self._keys = itertools.count(1)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._close: weakref.finalize[..., Nursery] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, if it was started."""
        return self._process.pid if self._process else None

    def bear(self, fds: Sequence[int]) -> Child:
        """Ask for a child with these file descriptors (`ChildEnds`, and the status pipe)."""
        child = Child(self._running(), next(self._keys))
        request = json.dumps({"key": child.key}).encode()
        try:
            socket.send_fds(child.control, [request], list(fds))
        except OSError:  # it died since we looked
            child = Child(self._running(restart=True), child.key)
            socket.send_fds(child.control, [request], list(fds))
        return child

    def close(self) -> None:
        """End the nursery and all its children."""
        with self._lock:
            if self._close is not None:
                self._close()
            self._process = self._control = self._close = None

    def _running(self, *, restart: bool = False) -> socket.socket:
        with self._lock:
            died = self._process is not None and (restart or self._process.poll() is not None)
            if died and self._close is not None:
                LOG.warning("the nursery died", extra={"action": "nursery_died"})
                self._close()
            if died or self._control is None:
                self._control = self._start()
            return self._control

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = json.dumps([os.path.abspath(entry) for entry in sys.path])  # noqa: PTH100  keeps links
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and our own code
                [sys.executable, "-P", "-c", _BOOT, path, str(theirs.fileno()), json.dumps(self._preload)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._close = weakref.finalize(self, _end, self._process, ours)
        LOG.info("nursery started", extra={"action": "nursery_started", "pid": self._process.pid})
        return ours


def _end(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    """Hang up, which ends the nursery; one that does not hear is killed, and its children with it."""
    control.close()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
