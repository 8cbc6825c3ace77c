"""The nursery: a process without threads that forks, watches and buries the children of one host.

It obeys what comes on its socket, and ends when the socket does: when the host closes it or dies, in
whatever way. All that stands on process ids happens here, before a child is reaped, while the id cannot
belong to anybody else.
"""

import contextlib
import gc
import importlib
import json
import logging
import os
import selectors
import signal
import socket
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.isolation import limits
from services.isolation.child import ChildEnds, live

LOG = logging.getLogger(__name__)
CRASHED_AT_BIRTH = 4  # exit status
_MAX_COMMAND_BYTES, _FDS_OF_A_CHILD = 4096, 5


def main(control_fd: int, preload: Sequence[str]) -> None:
    """Import what handlers need, then serve until the host is gone.

    The host alone decides when it is over: signals that were meant for the host (a shutdown, a Ctrl-C)
    must not kill tasks that it still lets run to their end.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for module in preload:
        importlib.import_module(module)
    limits.adopt_orphans()
    gc.collect()
    gc.freeze()  # collections in the children would copy every page that they look at
    NurseryProcess(socket.socket(fileno=control_fd)).serve()


@dataclass(frozen=True, slots=True)
class _Ward:
    """A child, by the host's key, and where its birth and death are announced."""

    key: int
    status: int


class NurseryProcess:
    """The loop of the nursery."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._wards: dict[int, _Ward] = {}
        self._selector = selectors.DefaultSelector()
        self._deaths, waker = socket.socketpair()
        self._waker = waker
        for end in (self._deaths, waker):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._is_open = True

    def serve(self) -> None:
        """Obey and bury until the host is gone; then kill what is left."""
        self._selector.register(self._control, selectors.EVENT_READ, self._obey)
        self._selector.register(self._deaths, selectors.EVENT_READ, self._hear_of_deaths)
        while self._is_open:
            for event, _ in self._selector.select():
                react: Callable[[], None] = event.data
                react()
        for pid in self._wards:
            _kill(pid, signal.SIGKILL)

    def _obey(self) -> None:
        command, fds, _, _ = socket.recv_fds(
            self._control, _MAX_COMMAND_BYTES, _FDS_OF_A_CHILD, socket.MSG_CMSG_CLOEXEC
        )
        if not command:
            self._is_open = False
            return
        order = json.loads(command)
        if "signal" in order:
            self._signal(order["key"], order["signal"])
        else:
            self._bear(order["key"], fds)

    def _signal(self, key: int, number: int) -> None:
        for pid, ward in self._wards.items():
            if ward.key == key:
                _kill(pid, number)

    def _bear(self, key: int, fds: list[int]) -> None:
        *of_child, status = fds
        ends = ChildEnds(*of_child)
        nursery_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError:  # no processes or no memory left: the host sees that no child was born
            traceback.print_exc()
            os.close(status)
        else:
            if pid == 0:
                self._leave(status, lambda: live(ends, nursery_pid=nursery_pid))
            self._wards[pid] = _Ward(key, status)
            _announce(status, {"pid": pid})
        for fd in of_child:
            os.close(fd)

    def _leave(self, status: int, live_on: Callable[[], None]) -> None:
        """In the child: let go of all that is the nursery's. Never returns."""
        try:
            signal.set_wakeup_fd(-1)
            self._selector.close()
            for end in (self._control, self._deaths, self._waker):
                end.close()
            for fd in (status, *(ward.status for ward in self._wards.values())):
                os.close(fd)
            live_on()
        except BaseException:  # noqa: BLE001  nothing of a child may run on in the nursery's code
            traceback.print_exc()
        finally:
            os._exit(CRASHED_AT_BIRTH)

    def _hear_of_deaths(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._deaths.recv(4096)
        with contextlib.suppress(ChildProcessError):
            while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self._bury(dead.si_pid)

    def _bury(self, pid: int) -> None:
        """Kill what the dead child has started, then let its id go. Adopted orphans have no ward."""
        ward = self._wards.pop(pid, None)
        if ward is not None:
            _kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        if ward is not None:
            _announce(ward.status, {"status": status, "peak_bytes": usage.ru_maxrss * 1024})
            os.close(ward.status)


def _kill(pid: int, number: int) -> None:
    """Signal a child's group; the child alone if it was too young to have one."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        os.kill(pid, number)


def _announce(status: int, news: dict[str, int]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the host does not care any more
        os.write(status, json.dumps(news).encode() + b"\n")
