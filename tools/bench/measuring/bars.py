"""Bars: a measured value, what it must be, and whether it is; as a table and as JSON."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a report. Without `least` and `most` it is for information, and always met."""

    name: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the value lies within its bounds."""
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )

    @property
    def bound(self) -> str:
        """The bound in words."""
        bounds = ((">=", self.least), ("<=", self.most))
        return " ".join(f"{sign} {value:g}" for sign, value in bounds if value is not None)


def machine() -> dict[str, Any]:
    """What the values were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "load_average": os.getloadavg()[0],
    }


def write_json(path: Path, **content: Any) -> None:
    """Write what was measured, and on what machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine(), **content}, indent=2), encoding="utf-8")


def report(path: Path, bars: Sequence[Bar], **details: Any) -> int:
    """Show the bars, write them with `details` to `path`; the exit code: 1 where one is missed."""
    lines = [{**asdict(bar), "is_met": bar.is_met} for bar in bars]
    write_json(path, bars=lines, **details)
    table = Table("measure", "value", "bar", "")
    for bar in bars:
        verdict = "" if not bar.bound else "met" if bar.is_met else "MISSED"
        table.add_row(bar.name, f"{bar.value:,.2f} {bar.unit}".strip(), bar.bound, verdict)
    Console().print(table)
    print(f"Details: {path}")
    return 0 if all(bar.is_met for bar in bars) else 1
