"""Values of no fixed form (what an error says, what a client asked for) as charts, tables and texts."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from triggers.reporting import charts, figures, wording

_MOST_ENTRIES = 50
_LONGEST_TEXT = 600
_NOTHING: tuple[object, ...] = (None, "", [], {}, ())


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that is known: as a chart, a table or a text."""

    name: str
    bars: tuple[charts.Bar, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""


def details(values: Mapping[str, Any]) -> Iterator[Detail]:
    """What there is, each as what suits it: counts as bars, records as a table, the rest as text."""
    for name, value in values.items():
        if value not in _NOTHING:
            yield _detail(wording.sentence(name), value)


def _detail(name: str, value: Any) -> Detail:
    if isinstance(value, Mapping) and all(type(count) is int and count >= 0 for count in value.values()):
        return Detail(name, bars=charts.bars(value, labels=wording.REASONS, whole=sum(value.values())))
    if isinstance(value, list | tuple) and all(isinstance(entry, Mapping) for entry in value):
        shown = value[:_MOST_ENTRIES]
        columns = tuple(dict.fromkeys(key for entry in shown for key in entry))
        rows = tuple(tuple(_text(entry.get(key)) for key in columns) for entry in shown)
        return Detail(name, columns=tuple(map(wording.sentence, columns)), rows=rows)
    return Detail(name, text=_text(value))


def named(values: Mapping[str, Any], *, is_code: bool = False) -> Iterator[tuple[str, str]]:
    """What there is, as text, by its label; `is_code` keeps the names as they are."""
    for name, value in values.items():
        if value in _NOTHING:
            continue
        is_size = name.endswith("_bytes") and isinstance(value, int) and not is_code
        label = wording.sentence(name.removesuffix("_bytes") if is_size else name)
        yield name if is_code else label, figures.size(value) if is_size else _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple) and all(isinstance(entry, str | int | float) for entry in value):
        value = ", ".join(map(str, value))
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    text = str(value) if is_plain else json.dumps(value, ensure_ascii=False, default=str)
    return figures.cut(text, length=_LONGEST_TEXT)
