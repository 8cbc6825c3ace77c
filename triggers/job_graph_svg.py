"""The graph of a job as a picture: its stages from left to right, their tasks by status."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_COLOURS = {
    "completed": "#2e7d32",
    "failed": "#c62828",
    "cancelled": "#6d4c41",
    "processing": "#1565c0",
    "pending_retry": "#ef6c00",
    "queued": "#607d8b",
    "pending_queue": "#b0bec5",
}
_STATE_COLOURS = {**_COLOURS, "waiting": "#b0bec5", "skipped": "#cfd8dc"}
_WORDS = {"pending_retry": "waiting for a retry", "pending_queue": "waiting for a turn"}
_INK, _PALE, _LINE = "#1c2733", "#5b6b7a", "#c3cdd6"

_BOX_WIDTH, _GAP, _MARGIN, _INSET = 208, 44, 24, 14
_TOP, _LINE_HEIGHT, _BAR_HEIGHT = 88, 18, 10
_COUNTS_TOP = 92
# Up to so many tasks are drawn one by one; more are a bar.
_MOST_SQUARES, _SQUARES_PER_ROW, _SQUARE = 24, 12, 11


@dataclass(frozen=True, slots=True)
class GraphHeading:
    """What stands above the stages."""

    job_type: str
    job_id: str
    status: str
    percent: int


@dataclass(frozen=True, slots=True)
class StageBox:
    """What stands in the box of one stage; `seconds` is how long it was open, once it is closed."""

    number: int
    name: str
    task_type: str
    state: str
    counts: Mapping[str, int]
    seconds: float | None


def picture(heading: GraphHeading, boxes: Sequence[StageBox]) -> str:
    """The SVG document (SVG 1.1), without script or anything to load."""
    box_height = _COUNTS_TOP + 2 * _SQUARE + _LINE_HEIGHT * max(1, *(len(box.counts) for box in boxes))
    width = 2 * _MARGIN + len(boxes) * _BOX_WIDTH + (len(boxes) - 1) * _GAP
    width, height = max(width, 460), _TOP + box_height + _MARGIN
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            "width": str(width),
            "height": str(height),
            "role": "img",
            "font-family": "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif",
        },
    )
    _add(root, "title", f"Job {heading.job_type}: {heading.status}, {heading.percent} %")
    _add(root, "rect", width=width, height=height, fill="#ffffff")
    _heading(root, heading)
    for position, box in enumerate(boxes):
        left = _MARGIN + position * (_BOX_WIDTH + _GAP)
        if position:
            _arrow(root, right=left, y=_TOP + 34)
        _stage(root, box, left=left, height=box_height)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _heading(root: ET.Element, heading: GraphHeading) -> None:
    _text(root, heading.job_type, x=_MARGIN, y=34, size=18, weight="600")
    _text(root, f"{heading.status} · {heading.percent} %", x=_MARGIN, y=56, size=13, fill=_INK)
    _text(root, heading.job_id, x=_MARGIN, y=73, size=10, fill=_PALE)


def _arrow(root: ET.Element, *, right: int, y: int) -> None:
    start, end = right - _GAP + 6, right - 6
    _add(root, "line", x1=start, y1=y, x2=end - 6, y2=y, stroke=_PALE, stroke_width=1.5)
    _add(root, "path", d=f"M{end - 8} {y - 5} L{end} {y} L{end - 8} {y + 5} Z", fill=_PALE)


def _stage(root: ET.Element, box: StageBox, *, left: int, height: int) -> None:
    group = _add(root, "g", transform=f"translate({left} {_TOP})")
    _add(group, "title", f"{box.number} {box.name} ({box.task_type}): {box.state}")
    dashes = "4 3" if box.state in ("waiting", "skipped") else "none"
    _add(
        group,
        "rect",
        width=_BOX_WIDTH,
        height=height,
        rx=6,
        fill="#f8fafb",
        stroke=_LINE,
        stroke_dasharray=dashes,
    )
    colour = _STATE_COLOURS[box.state]
    _add(group, "rect", width=5, height=height - 12, y=6, x=0, fill=colour)
    _text(group, _short(f"{box.number}  {box.name}", 22), x=_INSET, y=24, size=14, weight="600")
    _text(group, _short(box.task_type, 30), x=_INSET, y=41, size=11, fill=_PALE)
    duration = "" if box.seconds is None else f" · {_duration(box.seconds)}"
    _text(group, f"{box.state}{duration}", x=_INSET, y=60, size=12)
    _tasks(group, box)


def _tasks(group: ET.Element, box: StageBox) -> None:
    counts = [(status, box.counts[status]) for status in _COLOURS if box.counts.get(status)]
    total = sum(number for _, number in counts)
    if total == 0:
        return
    if total <= _MOST_SQUARES:
        _squares(group, counts)
    else:
        _bar(group, counts, total=total)
    for line, (status, number) in enumerate(counts):
        y = _COUNTS_TOP + 2 * _SQUARE + line * _LINE_HEIGHT
        _add(group, "circle", cx=_INSET + 4, cy=y - 4, r=4, fill=_COLOURS[status])
        _text(group, f"{number:,} {_WORDS.get(status, status)}", x=_INSET + 14, y=y, size=11)


def _squares(group: ET.Element, counts: Sequence[tuple[str, int]]) -> None:
    for position, status in enumerate(_one_by_one(counts)):
        row, column = divmod(position, _SQUARES_PER_ROW)
        x, y = _INSET + column * (_SQUARE + 4), 70 + row * (_SQUARE + 4)
        _add(group, "rect", x=x, y=y, width=_SQUARE, height=_SQUARE, rx=2, fill=_COLOURS[status])


def _one_by_one(counts: Sequence[tuple[str, int]]) -> Iterator[str]:
    for status, number in counts:
        yield from [status] * number


def _bar(group: ET.Element, counts: Sequence[tuple[str, int]], *, total: int) -> None:
    """Each status has a part by its number, and none is too small to be seen."""
    width = _BOX_WIDTH - 2 * _INSET
    shares = [max(3.0, width * number / total) for _, number in counts]
    x = float(_INSET)
    for (status, _), share in zip(counts, shares, strict=True):
        part = share * width / sum(shares)
        _add(
            group, "rect", x=f"{x:.1f}", y=74, width=f"{part:.1f}", height=_BAR_HEIGHT, fill=_COLOURS[status]
        )
        x += part


def _text(
    parent: ET.Element, text: str, *, x: int, y: int, size: int, weight: str = "400", fill: str = _INK
) -> None:
    _add(parent, "text", text, x=x, y=y, fill=fill, font_size=size, font_weight=weight)


def _add(parent: ET.Element, tag: str, text: str = "", /, **attributes: str | float) -> ET.Element:
    """A new element; ElementTree escapes what stands in it. `stroke_width` is the attribute stroke-width."""
    named = {name.replace("_", "-"): str(value) for name, value in attributes.items()}
    element = ET.SubElement(parent, tag, named)
    if text:
        # XML has no way to write a control character.
        element.text = "".join(each if each.isprintable() else "\ufffd" for each in text)
    return element


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
