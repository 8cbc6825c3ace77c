"""The legend of a rendering as a picture: a bar of colours, swatches of classes, or the bands of it."""

import io
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import cast

from PIL import Image, ImageDraw, ImageFont
from rio_tiler.colormap import cmap

from core.task_models.raster import RGBA, LegendEntry, Rendering

_FONT_SIZE = 12
_MARGIN = 10
_LINE = 20
_SWATCH = (24, 14)
_BAR = (256, 18)
_ROWS_PER_COLUMN = 24
_MAX_LABEL = 48
_TEXT_COLOR = (32, 32, 32, 255)
_OUTLINE = (128, 128, 128, 255)
_BACKGROUND = (255, 255, 255, 255)
_CHANNELS = (
    ("Red", (220, 40, 40, 255)),
    ("Green", (40, 160, 60, 255)),
    ("Blue", (50, 80, 220, 255)),
)
_Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def legend_png(rendering: Rendering, *, title: str = "") -> bytes:
    """The legend as PNG, the same bytes for the same rendering; `title` stands above it, cut to a line."""
    if rendering.legend or rendering.colormap:
        body = _classes(rendering.legend or _of_colormap(rendering.colormap or {}))
    elif len(rendering.bidx) == 3:
        body = _channels(rendering)
    else:
        body = _bar(rendering)
    return _png(_titled(body, title) if title else body)


def _classes(entries: Sequence[LegendEntry]) -> Image.Image:
    """One line for each class, in as many columns as there must be."""
    labels = [_cut(f"{_number(entry.value)}  {entry.label}".strip()) for entry in entries]
    column = _SWATCH[0] + 8 + max(_width(label) for label in labels) + 2 * _MARGIN
    columns = math.ceil(len(entries) / _ROWS_PER_COLUMN)
    rows = min(len(entries), _ROWS_PER_COLUMN)
    image, draw = _canvas(columns * column, rows * _LINE + 2 * _MARGIN)
    for index, (entry, label) in enumerate(zip(entries, labels, strict=True)):
        left = (index // _ROWS_PER_COLUMN) * column + _MARGIN
        top = (index % _ROWS_PER_COLUMN) * _LINE + _MARGIN
        _swatch(image, draw, place=(left, top + 3), color=entry.color)
        draw.text((left + _SWATCH[0] + 8, top + 2), label, fill=_TEXT_COLOR, font=_font())
    return image


def _channels(rendering: Rendering) -> Image.Image:
    """Which band is which colour, and from which value to which it is shown."""
    limits: Sequence[tuple[float, float] | None] = rendering.rescale or (None,) * 3
    labels = [
        f"{name}: band {band}" + (f", {_number(shown[0])} to {_number(shown[1])}" if shown else "")
        for (name, _), band, shown in zip(_CHANNELS, rendering.bidx, limits, strict=True)
    ]
    width = _SWATCH[0] + 8 + max(_width(label) for label in labels) + 2 * _MARGIN
    image, draw = _canvas(width, len(labels) * _LINE + 2 * _MARGIN)
    for row, ((_, color), label) in enumerate(zip(_CHANNELS, labels, strict=True)):
        top = row * _LINE + _MARGIN
        _swatch(image, draw, place=(_MARGIN, top + 3), color=color)
        draw.text((_MARGIN + _SWATCH[0] + 8, top + 2), label, fill=_TEXT_COLOR, font=_font())
    return image


def _bar(rendering: Rendering) -> Image.Image:
    """The colours from the lowest to the highest value, which is told at both ends and in the middle."""
    low, high = rendering.rescale[0] if rendering.rescale else (0.0, 255.0)
    labels = [_number(low), _number((low + high) / 2), _number(high)]
    labels[2] += f" {rendering.unit}" if rendering.unit else ""
    side = _MARGIN + max(_width(label) for label in labels) // 2
    image, draw = _canvas(_BAR[0] + 2 * side, _BAR[1] + _LINE + 2 * _MARGIN + 4)
    colors = _ramp(rendering.colormap_name)
    for step in range(_BAR[0]):
        draw.line([(side + step, _MARGIN), (side + step, _MARGIN + _BAR[1])], fill=colors[step])
    draw.rectangle([side - 1, _MARGIN - 1, side + _BAR[0], _MARGIN + _BAR[1] + 1], outline=_OUTLINE)
    for share, label in zip((0.0, 0.5, 1.0), labels, strict=True):
        left = side + share * _BAR[0] - _width(label) / 2
        draw.text((left, _MARGIN + _BAR[1] + 6), label, fill=_TEXT_COLOR, font=_font())
    return image


def _ramp(colormap_name: str | None) -> list[RGBA]:
    if colormap_name is None:
        return [(grey, grey, grey, 255) for grey in range(256)]
    colors = cast(Mapping[int, Sequence[int]], cmap.get(colormap_name))  # rio-tiler's all have 256 entries
    return [(int(r), int(g), int(b), int(a)) for r, g, b, a in (colors[step] for step in range(256))]


def _of_colormap(colormap: Mapping[int, RGBA]) -> tuple[LegendEntry, ...]:
    return tuple(LegendEntry(value=value, color=color) for value, color in sorted(colormap.items()))


def _titled(body: Image.Image, title: str) -> Image.Image:
    text = _cut(title)
    image, draw = _canvas(max(body.width, _width(text) + 2 * _MARGIN), body.height + _LINE)
    draw.text((_MARGIN, _MARGIN // 2), text, fill=_TEXT_COLOR, font=_font())
    image.paste(body, (0, _LINE))
    return image


def _swatch(image: Image.Image, draw: ImageDraw.ImageDraw, *, place: tuple[int, int], color: RGBA) -> None:
    """A colour as it looks on the map: what is transparent lets the background through."""
    box = (*place, place[0] + _SWATCH[0], place[1] + _SWATCH[1])
    image.alpha_composite(Image.new("RGBA", _SWATCH, color), place)
    draw.rectangle(box, outline=_OUTLINE)


def _canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", (width, height), _BACKGROUND)
    return image, ImageDraw.Draw(image)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _number(value: float) -> str:
    return f"{value:.6g}" if abs(value) < 1 else f"{value:,.7g}".replace(",", " ")


def _cut(text: str) -> str:
    """One line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_LABEL else f"{line[: _MAX_LABEL - 3]}..."


def _width(text: str) -> int:
    return math.ceil(_font().getlength(text))


@cache
def _font() -> _Font:
    """The typeface that Pillow brings: no file of the machine is looked for."""
    return ImageFont.load_default(_FONT_SIZE)
