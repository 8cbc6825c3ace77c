"""The engine beside Celery chords with Redis, in turns, so that both see the same machine.

Both do three stages of no-op tasks, one after the other. The engine flushes every completion to the disk.
Redis with its defaults keeps all in memory and snapshots now and then, so a crash loses minutes of work;
with `appendfsync always`, measured too, it promises what the engine does.
"""

import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bench.celery_side.chords import CeleryClient, celery_side
from tools.bench.measuring.bars import Bar
from tools.bench.measuring.engine_client import EngineClient
from tools.bench.measuring.rates import three_stages


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run Celery."""

    concurrency: int
    durable: bool

    @property
    def title(self) -> str:
        """For the report."""
        return f"Celery, {self.concurrency} processes, {'durable ' if self.durable else ''}Redis"


VARIANTS = (Variant(2, durable=False), Variant(4, durable=False), Variant(4, durable=True))


def side_by_side(
    client: EngineClient, *, root: Path, state_dir: Path, tasks: int, repeats: int
) -> tuple[list[Bar], dict[str, Any]]:
    """`repeats` turns of every variant and the engine; the ratio is to the best Celery at its defaults."""
    three_stages(client, tasks=200)
    engine: list[float] = []
    celery: dict[Variant, list[float]] = {variant: [] for variant in VARIANTS}
    for variant, rates in celery.items():
        with ExitStack() as stack:
            other = stack.enter_context(
                celery_side(root, state_dir, concurrency=variant.concurrency, durable=variant.durable)
            )
            for _ in range(repeats):
                engine.append(three_stages(client, tasks=tasks))
                rates.append(_rate(other, tasks=tasks))
    medians = {variant: statistics.median(rates) for variant, rates in celery.items()}
    return _bars(statistics.median(engine), medians), {
        "tasks": 3 * tasks,
        "engine": engine,
        "celery": {variant.title: rates for variant, rates in celery.items()},
    }


def _rate(other: CeleryClient, *, tasks: int) -> float:
    return 3 * tasks / other.run(tasks=tasks, stages=3, wait_seconds=300)


def _bars(engine: float, celery: dict[Variant, float]) -> list[Bar]:
    best = {
        durable: max(rate for variant, rate in celery.items() if variant.durable is durable)
        for durable in (False, True)
    }
    return [
        Bar("engine, three stages", engine, "/s"),
        *(Bar(variant.title, rate, "/s") for variant, rate in celery.items()),
        Bar("engine / best Celery with Redis", engine / best[False], least=0.8),
        Bar("engine / Celery with a Redis as durable", engine / best[True]),
    ]
