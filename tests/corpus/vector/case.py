"""A file of the corpus, and the expectation that is written beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

Write = Callable[[Path], object]


class Door(StrEnum):
    """Where a file that is refused is turned away.

    READING: by its format, before anything is planned; PLANNING: its features, its CRS or its columns;
    LOADING: when it is clear how many features are left.
    """

    READING = "reading"
    PLANNING = "planning"
    LOADING = "loading"


@dataclass(frozen=True, slots=True)
class Table:
    """One published table.

    Attributes:
        layer: what people call it.
        read: features of the source.
        geometry_type: of the PostGIS column.
        nulls: features without geometry in the source.
        rejected: features that are not in the table, by reason.
        columns: some or all of the columns: by the name in the source, the SQL type; None says nothing.
        names: the SQL names of some columns, by their names in the source.
        ids: where the feature ids come from.
        family: of a layer that was split.
        srid: of the table.
    """

    layer: str
    read: int
    geometry_type: str
    nulls: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, str] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    ids: str | None = None
    family: str | None = None
    srid: int = 4326


@dataclass(frozen=True, slots=True)
class Accepted:
    """The file is published.

    Attributes:
        tables: in the order of the file.
        findings: codes that must be said; others may be.
        steps: what the cleaning must have counted, all tables together; others may be counted.
    """

    tables: tuple[Table, ...]
    findings: frozenset[str] = frozenset()
    steps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """The file is turned away with one of these codes."""

    codes: frozenset[str]
    door: Door


@dataclass(frozen=True, slots=True)
class Case:
    """A file: what it is called (also in tests), how it is written, what is asked for, what must come of it.

    `options` are of `processing_config`. `extra_formats`: the operator takes GML and DXF.
    """

    file_name: str
    write: Write
    expected: Accepted | Refused
    options: Mapping[str, Any] = field(default_factory=dict)
    extra_formats: bool = False

    @property
    def name(self) -> str:
        """The name of the case in the output of tests, unique."""
        return self.file_name


CASES: list[Case] = []


def case(
    file_name: str, expected: Accepted | Refused, *, extra_formats: bool = False, **options: Any
) -> Callable[[Write], Write]:
    """Adds the decorated function, which writes the file, to the corpus."""

    def register(write: Write) -> Write:
        if any(each.file_name == file_name for each in CASES):
            raise ValueError(file_name)
        CASES.append(Case(file_name, write, expected, options, extra_formats))
        return write

    return register


def accepted(
    *tables: Table, findings: tuple[str, ...] = (), steps: Mapping[str, int] | None = None
) -> Accepted:
    """Shorthand."""
    return Accepted(tables, frozenset(findings), dict(steps or {}))


def refused(*codes: str, door: Door = Door.READING) -> Refused:
    """Shorthand."""
    return Refused(frozenset(codes), door)
