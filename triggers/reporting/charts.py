"""Small charts: what a template needs to draw them as SVG."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from triggers.reporting import figures

_MOST_BARS = 64
_WIDTH, _HEIGHT = 240, 48
_LEAST_VISIBLE = 0.004  # of the width: what is not nothing is seen


@dataclass(frozen=True, slots=True)
class Histogram:
    """The outline of all bars as an SVG path in a box of `width` x `height`, and the ends of its axis."""

    path: str
    first: str
    last: str
    label: str
    width: int = _WIDTH
    height: int = _HEIGHT


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a bar chart: `width` in thousandths."""

    label: str
    count: str
    share: str
    width: float
    code: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """A whole of two parts, as one bar: `width` of the second part in thousandths."""

    width: float
    first: str
    second: str
    whole: str


def histogram(counts: Sequence[int], *, first: str, last: str) -> Histogram | None:
    """None where there is nothing to draw. Beyond 64 bars, neighbours are joined."""
    bars = _joined(counts)
    tallest = max(bars, default=0)
    if not tallest:
        return None
    step = _WIDTH / len(bars)
    label = f"Histogram of {figures.whole(sum(counts))} values from {first} to {last}"
    return Histogram("".join(_bars(bars, step=step, tallest=tallest)), first, last, label)


def _bars(bars: Sequence[int], *, step: float, tallest: int) -> Iterable[str]:
    gap = min(1.0, step / 5)
    for number, count in enumerate(bars):
        if count:
            height = max(1.0, _HEIGHT * count / tallest)
            left, top = number * step + gap / 2, _HEIGHT - height
            yield f"M{left:.1f} {top:.1f}h{step - gap:.1f}v{height:.1f}h-{step - gap:.1f}z"


def _joined(counts: Sequence[int]) -> list[int]:
    size = -(-len(counts) // _MOST_BARS) or 1
    return [sum(counts[start : start + size]) for start in range(0, len(counts), size)]


def bars(counts: Mapping[str, int], *, labels: Mapping[str, str], whole: int) -> tuple[Bar, ...]:
    """The largest first; widths are relative to it, shares to the whole."""
    largest = max(counts.values(), default=0)
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(
        Bar(
            label=labels.get(code, code.replace("_", " ").capitalize()),
            count=figures.whole(count),
            share=figures.share(count, whole),
            width=round(1000 * max(count / largest, _LEAST_VISIBLE), 1) if count else 0,
            code=code,
        )
        for code, count in ordered
        if count
    )


def split(first: int, second: int, *, noun: str) -> Split:
    """Two counts that make a whole."""
    whole = first + second
    part = max(second / whole, _LEAST_VISIBLE) if second else 0
    return Split(
        width=round(1000 * part, 1),
        first=figures.whole(first),
        second=figures.whole(second),
        whole=figures.counted(whole, noun),
    )
