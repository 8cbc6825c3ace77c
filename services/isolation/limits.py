"""What the kernel does for us: limits, and an end together with the parent. Linux only."""

import ctypes
import os
import resource
import signal
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_THREAD_BYTES = (8 + 64) * 1024 * 1024
_OOM_SCORE = "500"  # of 1000: the child goes before the host


def die_with(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent dies; end at once if that has happened already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of what a child leaves behind, so that somebody takes note of its end."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def limit_memory(limit_bytes: int | None) -> None:
    """Allow `limit_bytes` of address space beyond what the process has now; None: all there is.

    Address space, not pages in use, is what Linux can limit for one process. What threads reserve of it
    and hardly use comes on top, for as many threads as GDAL starts, one for each processor.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = hard
    if limit_bytes is not None:
        limit = _address_space_bytes() + limit_bytes + reserved_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def reserved_bytes() -> int:
    """The address space of a stack and of an arena of glibc's allocator, for each processor."""
    return (os.cpu_count() or 1) * _THREAD_BYTES


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def forbid_core_dumps() -> None:
    """A core would hold secrets and other people's data."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def prefer_for_oom_killer() -> None:
    """When the machine runs out of memory, this process goes, not the host beside it."""
    try:
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    except OSError:  # a sandbox without it: the kernel then judges by size, as it does for everyone
        return


def oom_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started; 0 if it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
