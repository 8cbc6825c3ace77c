"""Values of placemarks that LIBKML does not hand out, read from the file itself.

LIBKML knows the attributes that a schema of the file declares, or, without one, those that it meets; what
stands beside a schema, or belongs to a schema elsewhere, it leaves out. It knows no addresses, and of times
only whole ones: `2010` would be none. Source: OGC KML 2.3, sections 9.1.3 and 9.5 and chapter 15.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from services.vector.csv_types import TEXT, CsvType, TypeGuess
from services.vector.xml_scan import XmlScan

CONTAINERS = frozenset({"Document", "Folder"})
FEATURES = frozenset({"Placemark", "GroundOverlay"})
# Elements of a placemark that are values, by the column that they become.
ELEMENTS = {
    ("Placemark", "address"): "address",
    ("Placemark", "phoneNumber"): "phoneNumber",
    ("TimeStamp", "when"): "timestamp",
    ("TimeSpan", "begin"): "begin",
    ("TimeSpan", "end"): "end",
}
TIMES = frozenset({"timestamp", "begin", "end"})


def attribute(path: Sequence[str], attributes: Mapping[str, str]) -> str | None:
    """The name of the attribute of its placemark that the last element of a path holds the value of."""
    if len(path) < 2:
        return None
    parent, name = path[-2:]
    if name in ("SimpleData", "Data"):
        return attributes.get("name", "")
    if parent == "ExtendedData" and name != "SchemaData":
        return name
    return None


@dataclass(slots=True)
class KmlValues:
    """Collects the values of one folder, counted from 0 in the order in which folders begin.

    `wanted` are attributes, `elements` columns of `ELEMENTS`. All values are in memory at a time.
    """

    folder: int
    wanted: frozenset[str]
    elements: frozenset[str]
    columns: dict[tuple[bool, str], list[str | None]] = field(default_factory=dict)
    _begun: int = 0
    _open: list[int] = field(default_factory=list)
    _path: list[str] = field(default_factory=list)
    _is_inside: bool = False
    _holder: tuple[bool, str] | None = None  # the column of the element that is open
    _holder_depth: int = 0
    _text: list[str] | None = None

    def take(self, path: Path) -> dict[tuple[bool, str], pa.Array]:
        """The columns by whether they are attributes and by their names; a value for each feature."""
        keys = [(True, name) for name in self.wanted] + [(False, name) for name in self.elements]
        self.columns = {key: [] for key in sorted(keys)}
        XmlScan(start=self._start, end=self._end, text=self._add_text).run(path)
        return {key: _typed(key[1], values) for key, values in self.columns.items()}

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._path.append(name)
        if name in CONTAINERS:
            self._open.append(self._begun)
            self._begun += 1
        elif name in FEATURES:
            self._is_inside = (self._open[-1] if self._open else 0) == self.folder
            for values in self.columns.values() if self._is_inside else ():
                values.append(None)
        elif self._is_inside and self._holder is None:
            self._hold(self._column(attributes))
        elif self._holder is not None and name == "value":
            self._text = []  # of a Data; what stood before it is white space

    def _column(self, attributes: Mapping[str, str]) -> tuple[bool, str] | None:
        if (name := attribute(self._path, attributes)) is not None:
            return (True, name)
        if (element := ELEMENTS.get((self._path[-2], self._path[-1]))) is not None:
            return (False, element)
        return None

    def _hold(self, column: tuple[bool, str] | None) -> None:
        if column in self.columns:
            self._holder, self._holder_depth, self._text = column, len(self._path), []

    def _add_text(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _end(self, name: str) -> None:
        depth = len(self._path)
        self._path.pop()
        if name in CONTAINERS:
            self._open.pop()
        elif name in FEATURES:
            self._is_inside = False
        if self._holder is None or self._text is None:
            return
        if name == "value" or depth == self._holder_depth:
            self.columns[self._holder][-1] = "".join(self._text)
            self._text = None
        if depth == self._holder_depth:
            self._holder = None


def _typed(name: str, values: Sequence[str | None]) -> pa.Array:
    """Times as such where all of them are whole ones; everything else as text."""
    texts = pa.array(
        [value.strip() or None if name in TIMES and value else value for value in values], pa.string()
    )
    found = _type_of(texts) if name in TIMES else TEXT
    return found.read(texts)


def _type_of(texts: pa.Array) -> CsvType:
    guess = TypeGuess()
    guess.add(texts)
    return guess.decided if pa.types.is_temporal(guess.decided.arrow) else TEXT
