"""How much processor time each part of a stack takes, its children's included."""

import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.bench.measuring.bars import Bar
from tools.stack.processes import ProcessIdentity
from tools.stack.stack import Stack
from tools.stack.topology import APPS

_TICKS = os.sysconf("SC_CLK_TCK")
# proc(5), counted from the field behind the name
_PARENT, _TIMES = 1, slice(11, 15)


@contextmanager
def processor_time(stack: Stack) -> Iterator[dict[str, float]]:
    """The seconds that its `with` block cost, by part: there once the block is left.

    Everything that the parts do meanwhile is in it, whoever they do it for.
    """
    roots = _roots(stack)
    taken: dict[str, float] = {}
    before = _seconds(roots)
    yield taken
    taken.update({part: after - before[part] for part, after in _seconds(roots).items()})


def processor_bars(times: Sequence[Mapping[str, float]], *, name: str, baseline_seconds: float) -> list[Bar]:
    """What each part took (medians), and how many baselines it would be if all cores shared it evenly.

    Nothing that does this work can be faster than that, however well it is arranged.
    """
    medians = {part: statistics.median(each[part] for each in times) for part in times[0]}
    evenly = sum(medians.values()) / (os.cpu_count() or 1)
    return [
        *(Bar(f"  processor time of {name}: {part}", seconds, "s") for part, seconds in medians.items()),
        Bar(f"  {name}, if the cores shared that evenly / baseline", evenly / baseline_seconds),
    ]


def _roots(stack: Stack) -> dict[str, int]:
    parts = ["postgres", "azurite", "broker", *(app.part for app in APPS[stack.topology])]
    found = {part: ProcessIdentity.from_file(stack.state.pid_file(part)) for part in parts}
    return {part: identity.pid for part, identity in found.items() if identity}


def _seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """Of the processes below each root that live, and of those that they have waited for."""
    processes = dict(_processes())
    totals = dict.fromkeys(roots, 0.0)
    for pid, (_, seconds) in processes.items():
        ancestors = _ancestors(pid, processes)
        for part, root in roots.items():
            if root in ancestors:
                totals[part] += seconds
    return totals


def _ancestors(pid: int, processes: Mapping[int, tuple[int, float]]) -> set[int]:
    """With the process itself."""
    found = set[int]()
    while pid in processes and pid not in found:
        found.add(pid)
        pid = processes[pid][0]
    return found


def _processes() -> Iterator[tuple[int, tuple[int, float]]]:
    """Each with its parent and its seconds, those of its buried children included."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue  # it has just ended
            yield int(entry.name), (int(fields[_PARENT]), sum(map(int, fields[_TIMES])) / _TICKS)
