"""Tables of features as the page shows them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triggers.reporting import charts, figures, wording
from triggers.reporting.quality import ReportedColumn, ReportedProfile, ReportedStep, ReportedTable

_MOST_COLUMNS, _LEAST_COLUMNS, _COLUMNS_OF_ALL = 200, 10, 1_000
_MOST_VALUES = 5
_CRS_LENGTH = 200
_ALWAYS = (
    "null_geometry",
    "empty_geometry",
    "invalid_geometry",
    "out_of_range",
    "duplicates",
    "invalid_values",
)
Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step that had something to do."""

    step: str
    policy: str
    count: str


@dataclass(frozen=True, slots=True)
class RepairRow:
    """One of the largest changes of area."""

    row: str
    fid: str
    before: str
    after: str
    change: str


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column, and what its values look like."""

    name: str
    source_name: str
    sql_type: str
    is_renamed: bool
    nulls: str
    distinct: str
    extent: str
    histogram: charts.Histogram | None
    most_common: tuple[charts.Bar, ...]


@dataclass(frozen=True, slots=True)
class TableView:
    """A table; `idle` are the steps that found nothing, `more_columns` those that are not listed."""

    anchor: str
    title: str
    split: charts.Split
    facts: tuple[Fact, ...]
    steps: tuple[StepRow, ...]
    idle: str
    reasons: tuple[charts.Bar, ...]
    repairs: tuple[RepairRow, ...]
    area_change: str
    area_unit: str
    columns: tuple[ColumnRow, ...]
    more_columns: int
    sampled: bool


def table_views(tables: Sequence[ReportedTable]) -> tuple[TableView, ...]:
    """All tables; the more there are, the fewer columns of each are shown."""
    columns = min(_MOST_COLUMNS, max(_LEAST_COLUMNS, _COLUMNS_OF_ALL // max(len(tables), 1)))
    return tuple(_view(table, number=number, columns=columns) for number, table in enumerate(tables, start=1))


def _view(table: ReportedTable, *, number: int, columns: int) -> TableView:
    profiles = {profile.name: profile for profile in table.profiles}
    return TableView(
        anchor=f"table-{number}",
        title=table.title,
        split=charts.split(table.feature_count, table.rejected_count, noun="feature"),
        facts=tuple(_facts(table)),
        steps=tuple(_step(each) for each in table.steps if each.count),
        idle=", ".join(_idle(table)),
        reasons=charts.bars(table.reasons, labels=wording.REASONS, whole=table.rejected_count),
        repairs=tuple(_repairs(table)),
        area_change=figures.decimal(table.area_change) if table.area_change else "",
        area_unit=_area_unit(table),
        columns=tuple(
            _column(column, profiles.get(column.name), rows=table.feature_count)
            for column in table.columns[:columns]
        ),
        more_columns=max(0, len(table.columns) - columns),
        sampled=any(profile.sampled for profile in table.profiles),
    )


def _facts(table: ReportedTable) -> Iterator[Fact]:
    target = f"EPSG:{table.srid}" if table.srid else ""
    source = figures.cut(table.source_crs, length=_CRS_LENGTH)
    yield "Geometry", table.geometry_type
    yield "CRS", target if table.source_crs in ("", target) else f"{source} → {target}"
    if table.operation:
        accuracy = f", accurate to {figures.decimal(table.accuracy)} m" if table.accuracy is not None else ""
        yield "Coordinate operation", f"{figures.cut(table.operation, length=300)}{accuracy}"
        if table.accuracy is None:
            yield "Accuracy", "not known"
    if table.null_geometry_count:
        yield "Kept without a geometry", figures.counted(table.null_geometry_count, "feature")
    if table.vertex_count:
        largest = figures.whole(table.largest_vertex_count)
        yield "Vertices", f"{figures.whole(table.vertex_count)}; {largest} in the largest feature"
    if table.size_bytes:
        yield "Size of the geometries", figures.size(table.size_bytes)
    if table.ids:
        yield "Feature ids", wording.IDS.get(table.ids, table.ids)
    if table.digest:
        yield "Digest of the rows", table.digest


def _idle(table: ReportedTable) -> Iterator[str]:
    """The steps that are taken under every policy, and that had nothing to do."""
    busy = {each.step for each in table.steps if each.count}
    if table.read_count is not None:
        yield from (wording.step(name) for name in _ALWAYS if name not in busy)


def _step(each: ReportedStep) -> StepRow:
    noun = each.unit.removesuffix("ies") + "y" if each.unit.endswith("ies") else each.unit.removesuffix("s")
    return StepRow(
        wording.step(each.step),
        wording.policy(each.policy),
        figures.counted(each.count, noun).replace("ys", "ies"),
    )


def _repairs(table: ReportedTable) -> Iterator[RepairRow]:
    for note in table.repairs:
        change = note.area_after - note.area_before
        part = figures.share(abs(change), note.area_before) if note.area_before else "from 0"
        sign = "−" if change < 0 else "+"
        yield RepairRow(
            row=figures.whole(note.row),
            fid="" if note.fid is None else str(note.fid),
            before=figures.decimal(note.area_before),
            after=figures.decimal(note.area_after),
            change=f"{sign}{part}" if change and note.area_before else part if change else "none",
        )


def _area_unit(table: ReportedTable) -> str:
    """Areas are in the units of the table's CRS, of which only the default one is known here."""
    return "square degrees" if table.srid in (4326, None) else f"square units of EPSG:{table.srid}"


def _column(column: ReportedColumn, profile: ReportedProfile | None, *, rows: int) -> ColumnRow:
    found = profile or ReportedProfile(name=column.name)
    low, high = figures.value(found.minimum), figures.value(found.maximum)
    return ColumnRow(
        name=column.name,
        source_name=column.source_name or column.name,
        sql_type=column.sql_type,
        is_renamed=column.source_name not in ("", column.name),
        nulls="" if found.nulls is None else _nulls(found.nulls, rows),
        distinct="" if found.distinct is None else figures.whole(found.distinct),
        extent=low if low == high else f"{low} … {high}",
        histogram=charts.histogram(found.histogram, first=low, last=high),
        most_common=_values(found.most_common),
    )


def _nulls(nulls: int, rows: int) -> str:
    return f"{figures.whole(nulls)} ({figures.share(nulls, rows)})" if nulls else "none"


def _values(entries: Sequence[tuple[str, int]]) -> tuple[charts.Bar, ...]:
    largest = max((count for _, count in entries), default=0)
    return tuple(
        charts.Bar(
            label=figures.cut(text, length=60) or "(empty)",
            count=figures.whole(count),
            share="",
            width=round(1000 * count / largest, 1) if largest else 0,
        )
        for text, count in entries[:_MOST_VALUES]
    )
