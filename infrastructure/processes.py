"""Names of processes, and which of them are gone for certain.

A worker that is killed says nothing, and its lease has to run out before another may take its task. But
whoever runs on the same machine can see that it is gone: mostly the process that took its place.
"""

import hashlib
import os
import socket
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_SEPARATOR = ":"


def this_process() -> str:
    """`host:machine:pid:start`, which no other process has or will have."""
    pid = os.getpid()
    return _SEPARATOR.join((socket.gethostname(), _machine(), str(pid), _started(pid)))


def is_gone(name: str) -> bool:
    """True when the process ran on this machine (or in this container) and is not there any more.

    False also where nobody here can tell: on another machine, or a system without /proc.
    """
    host, machine, pid, start = (name.rsplit(_SEPARATOR, 3) + [""] * 4)[:4]
    if not start or not _machine() or machine != _machine() or host != socket.gethostname():
        return False
    return not pid.isdecimal() or _started(int(pid)) != start


@cache
def _machine() -> str:
    """This boot of this machine, as this container sees it; empty where there is no telling."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text()
        namespace = (_PROC / "self/ns/pid").stat().st_ino
    except OSError:
        return ""
    return hashlib.sha256(f"{boot}{namespace}".encode()).hexdigest()[:8]


def _started(pid: int) -> str:
    """When the process began, in clock ticks since the boot (proc(5), `stat`, field 22), if it is there."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
