"""Figures as people read them."""

import math
from datetime import UTC, datetime

_BYTE_UNITS = ("kB", "MB", "GB", "TB")
_LONGEST = 120


def whole(number: int) -> str:
    """`1,234,567`."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """`1 feature`, `2 features`."""
    return f"{whole(number)} {noun}{'' if number == 1 else 's'}"


def decimal(number: float) -> str:
    """At most six significant digits, without an exponent where there need not be one."""
    if not math.isfinite(number):
        return str(number)
    if number == int(number) and abs(number) < 1e15:
        return whole(int(number))
    return f"{number:,.6g}" if 1e-4 <= abs(number) < 1e6 else f"{number:.5g}"


def share(part: float, of: float) -> str:
    """A percentage that says 0 % and 100 % only where it is exactly that."""
    if not of:
        return "0 %"
    percent = 100 * part / of
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %".replace(".0 %", " %")


def size(number: int) -> str:
    """Bytes in decimal units."""
    if number < 1000:
        return counted(number, "byte")
    exponent = min(int(math.log10(number) / 3), len(_BYTE_UNITS))
    return f"{number / 1000**exponent:.3g} {_BYTE_UNITS[exponent - 1]}"


def duration(seconds: float) -> str:
    """Seconds below a minute to two digits, then minutes and hours."""
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(time: datetime) -> str:
    """To the second, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def value(given: float | str | None) -> str:
    """A value of a column or a raster: a number, or text that is cut where it is too long to read."""
    if given is None:
        return ""
    return cut(given) if isinstance(given, str) else decimal(given)


def cut(text: str, *, length: int = _LONGEST) -> str:
    """The text, or its beginning."""
    return text if len(text) <= length else text[: length - 1] + "…"
