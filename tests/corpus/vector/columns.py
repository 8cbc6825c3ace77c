"""Columns: their names, their types, and values that no column can hold."""

import datetime as dt
import decimal
import json
from pathlib import Path

import pyarrow as pa
import shapely

from tests.corpus.vector.case import Door, Table, accepted, case, refused
from tests.corpus.vector.geoparquet import write_geoparquet
from tests.corpus.vector.making import TWO_PLACES, feature
from tests.vectors import geojson_text, points, write_geopackage

_LONG = "a_name_that_is_longer_than_the_sixty_three_bytes_that_postgresql_keeps_of_it"
_UTC = dt.UTC


@case(
    "odd_names.gpkg",
    accepted(
        Table(
            "data",
            2,
            "Point",
            names={
                "addr:city": "addr_city",
                "select": "select_",
                "Größe": "grosse",
                "1st": "c_1st",
                '"; DROP TABLE x; --': "drop_table_x",
                "地図": "column_6",
                _LONG: _LONG[:63],
                _LONG + "_2": _LONG[:61] + "_2",
            },
        )
    ),
)
def odd_names(path: Path) -> None:
    names = ["addr:city", "select", "Größe", "1st", '"; DROP TABLE x; --', "地図", _LONG, _LONG + "_2"]
    write_geopackage(path, TWO_PLACES, {name: ["a", "b"] for name in names})


@case(
    "case_twins.geojson",
    accepted(Table("case_twins", 1, "Point", names={"Name": "name", "NAME": "name_2", "name": "name_3"})),
)
def case_twins(path: Path) -> None:
    path.write_bytes(geojson_text([feature(TWO_PLACES[0], {"Name": 1, "NAME": 2, "name": 3})]))


@case(
    "names_of_ours.geojson",
    accepted(Table("names_of_ours", 1, "Point", names={"fid": "fid_", "geom": "geom_", "ctid": "ctid_"})),
)
def names_of_ours(path: Path) -> None:
    path.write_bytes(geojson_text([feature(TWO_PLACES[0], {"fid": "a", "geom": "b", "ctid": "c"})]))


@case(
    "all_types.gpkg",
    accepted(
        Table(
            "data",
            2,
            "Point",
            columns={
                "flag": "boolean",
                "small": "smallint",
                "whole": "integer",
                "large": "bigint",
                "ratio": "double precision",
                "text": "text",
                "day": "date",
                "moment": "timestamptz",
                "bytes": "bytea",
            },
        )
    ),
)
def all_types(path: Path) -> None:
    write_geopackage(
        path,
        TWO_PLACES,
        {
            "flag": [True, None],
            "small": pa.array([-32768, 32767], pa.int16()),
            "whole": pa.array([-(2**31), 2**31 - 1], pa.int32()),
            "large": [-(2**63), 2**63 - 1],
            "ratio": [0.1, -1e300],
            "text": ["", "Zoë 🗺"],
            "day": [dt.date(1, 1, 1), dt.date(9999, 12, 31)],
            "moment": pa.array(
                [dt.datetime(2024, 2, 29, 23, 59, 59, 999000, _UTC), None], pa.timestamp("ms", "UTC")
            ),
            "bytes": [b"\x00\xff", b""],
        },
    )


@case(
    "rich_types.parquet",
    accepted(
        Table(
            "rich_types",
            2,
            "Point",
            columns={
                "unsigned": "numeric(20,0)",
                "price": "numeric(10,2)",
                "clock": "time",
                "local": "timestamp",
                "moment": "timestamptz",
                "tags": "jsonb",
                "record": "jsonb",
                "kind": "text",
                "half": "real",
                "nothing": "text",
            },
        )
    ),
)
def rich_types(path: Path) -> None:
    write_geoparquet(
        path,
        TWO_PLACES,
        {
            "unsigned": pa.array([2**64 - 1, 0], pa.uint64()),
            "price": pa.array([decimal.Decimal("12345678.90"), None], pa.decimal128(10, 2)),
            "clock": pa.array([dt.time(23, 59, 59, 999999), None]),
            "local": pa.array([1_711_852_200_000_000, None], pa.timestamp("us")),
            "moment": pa.array(
                [dt.datetime(2024, 3, 31, 2, 30, tzinfo=_UTC), None], pa.timestamp("us", "Europe/Berlin")
            ),
            "tags": pa.array([["a", "b"], []], pa.list_(pa.string())),
            "record": pa.array([{"a": 1, "b": "x"}, None]),
            "kind": pa.array(["x", "x"]).dictionary_encode(),
            "half": pa.array([1.5, None], pa.float16()),
            "nothing": pa.nulls(2),
        },
    )


@case(
    "lists_and_objects.geojson",
    accepted(Table("lists_and_objects", 2, "Point", columns={"tags": "jsonb", "more": "jsonb"})),
)
def lists_and_objects(path: Path) -> None:
    path.write_bytes(
        geojson_text(
            [
                feature(TWO_PLACES[0], {"tags": ["a", "b"], "more": {"deep": {"er": [1, None]}}}),
                feature(TWO_PLACES[1], {"tags": [], "more": None}),
            ]
        )
    )


@case(
    "types_that_change.geojson",
    accepted(Table("types_that_change", 3, "Point", columns={"a": "jsonb"}), findings=("MIXED_TYPES",)),
)
def types_that_change(path: Path) -> None:
    """A number, then a text, then an object in one property: no value may be lost."""
    values = [1, "two", {"three": 3}]
    path.write_bytes(
        geojson_text([feature(TWO_PLACES[0], {"a": value, "n": i}) for i, value in enumerate(values)])
    )


@case(
    "mixed_zones.geojson",
    accepted(Table("mixed_zones", 2, "Point", columns={"t": "text"}), findings=("MIXED_TIME_ZONES",)),
)
def mixed_zones(path: Path) -> None:
    times = ["2024-01-01T12:00:00Z", "2024-01-01T12:00:00"]
    path.write_bytes(geojson_text([feature(TWO_PLACES[0], {"t": t}) for t in times]))


@case(
    "days_that_are_none.geojsonl",
    accepted(
        Table("days_that_are_none", 2, "Point", columns={"day": "text", "t": "timestamptz", "clock": "time"}),
        findings=("TIMES_AS_TEXT",),
    ),
)
def days_that_are_none(path: Path) -> None:
    """The reader would make March 2 of one day, and cut the times off."""
    times = {"t": "2024-01-01T12:00:00.123456Z", "clock": "12:30:00.123456"}
    days = [{"day": "2024-02-29"} | times, {"day": "2023-02-30"} | times]
    path.write_text("".join(f"{json.dumps(feature(TWO_PLACES[0], each))}\n" for each in days), "utf-8")


@case("zoned_times.geojson", accepted(Table("zoned_times", 2, "Point", columns={"t": "timestamptz"})))
def zoned_times(path: Path) -> None:
    times = ["2024-01-01T12:00:00+02:00", "2024-01-01T12:00:00-05:30"]
    path.write_bytes(geojson_text([feature(TWO_PLACES[0], {"t": t}) for t in times]))


@case(
    "dates_beyond_the_calendar.parquet",
    accepted(Table("dates_beyond_the_calendar", 2, "Point", rejected={"VALUE_OUT_OF_RANGE": 1})),
    max_failed_fraction=0.5,
)
def dates_beyond_the_calendar(path: Path) -> None:
    _far_dates(path)


@case(
    "dates_made_null.parquet",
    accepted(Table("dates_made_null", 2, "Point"), steps={"invalid_values": 1}),
    invalid_values="null",
)
def dates_made_null(path: Path) -> None:
    _far_dates(path)


@case(
    "zero_byte.parquet",
    accepted(Table("zero_byte", 2, "Point", rejected={"VALUE_OUT_OF_RANGE": 1})),
    max_failed_fraction=0.5,
)
def zero_byte(path: Path) -> None:
    write_geoparquet(path, TWO_PLACES, {"name": ["plain", "cut\0here"]})


@case("a_thousand_columns.parquet", accepted(Table("a_thousand_columns", 2, "Point")))
def a_thousand_columns(path: Path) -> None:
    write_geoparquet(path, TWO_PLACES, {f"c{number}": [number, None] for number in range(1000)})


@case("too_many_columns.parquet", refused("COLUMN_LIMIT", door=Door.PLANNING))
def too_many_columns(path: Path) -> None:
    write_geoparquet(path, TWO_PLACES, {f"c{number}": [number, None] for number in range(1001)})


@case(
    "indexed.gpkg",
    accepted(Table("data", 3, "Point")),
    index=["name", "height"],
    text_search=["story"],
)
def indexed(path: Path) -> None:
    write_geopackage(
        path,
        points(3),
        {"name": ["a", "b" * 9000, None], "height": [1, 2, 3], "story": ["by the sea", "", None]},
    )


@case("without_columns.geojson", accepted(Table("without_columns", 1, "Point", columns={})))
def without_columns(path: Path) -> None:
    path.write_bytes(geojson_text([feature(shapely.Point(1, 2))]))


@case("properties_that_come_and_go.geojson", accepted(Table("properties_that_come_and_go", 3, "Point")))
def properties_that_come_and_go(path: Path) -> None:
    path.write_bytes(
        geojson_text([feature(shapely.Point(i, i), {f"only_{i}": i} if i else {}) for i in range(3)])
    )


def _far_dates(path: Path) -> None:
    """Long before 4713 BC, where PostgreSQL's calendar begins."""
    write_geoparquet(path, TWO_PLACES, {"when": pa.array([0, -3 * 10**18], pa.timestamp("us"))})
