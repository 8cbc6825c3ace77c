"""How much memory processes hold at their peak, watched from outside."""

import threading
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from types import TracebackType

_PAUSE_SECONDS = 0.25
_LOOKS_FOR_A_TOTAL = 8
"""The total at every eighth look only: summing up a GiB takes 16 ms, which who is measured would miss."""
_GIB_OF_KIB = 2**20


class MemoryWatch:
    """Looks at processes while its `with` block runs; it may be entered several times.

    Attributes:
        peak_process_gib: the most that one process held resident at any time, by the kernel's own mark.
        peak_total_gib: the most that all of them held at one look, pages that they share counted once.
    """

    def __init__(self, processes: Callable[[], Iterable[int]]) -> None:
        self.peak_process_gib = 0.0
        self.peak_total_gib = 0.0
        self._processes = processes
        self._is_over = threading.Event()
        self._thread = threading.Thread()

    def __enter__(self) -> "MemoryWatch":
        self._is_over.clear()
        self._thread = threading.Thread(target=self._watch, name="memory watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        for look in count():
            if self._is_over.wait(_PAUSE_SECONDS):
                return
            processes = list(self._processes())
            marks = [_kibibytes(pid, "status", "VmHWM:") for pid in processes]
            self.peak_process_gib = max([self.peak_process_gib, *(mark / _GIB_OF_KIB for mark in marks)])
            if look % _LOOKS_FOR_A_TOTAL == 0:
                total = sum(_kibibytes(pid, "smaps_rollup", "Pss:") for pid in processes)
                self.peak_total_gib = max(self.peak_total_gib, total / _GIB_OF_KIB)


def _kibibytes(pid: int, file: str, field: str) -> int:
    """0 for a process that has ended meanwhile."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)
