"""CSV and TSV, as spreadsheets of several countries write them."""

from pathlib import Path

from tests.corpus.vector.case import Door, Table, accepted, case, refused

_PLAIN = "id,name,lon,lat\n1,Harbour,10,50\n2,Mill,11,51\n"


def _text(path: Path, text: str, *, encoding: str = "utf-8") -> None:
    path.write_bytes(text.encode(encoding))


@case(
    "plain.csv",
    accepted(
        Table(
            "plain",
            2,
            "Point",
            columns={"id": "bigint", "name": "text", "lon": "bigint", "lat": "bigint"},
        ),
        findings=("CRS_ASSUMED", "COORDINATE_COLUMNS_USED"),
    ),
)
def plain(path: Path) -> None:
    _text(path, _PLAIN)


@case("tabs.tsv", accepted(Table("tabs", 2, "Point")))
def tabs(path: Path) -> None:
    _text(path, _PLAIN.replace(",", "\t"))


@case(
    "semicolons.csv",
    accepted(
        Table("semicolons", 2, "Point", columns={"breite": "double precision", "wert": "double precision"}),
        findings=("DECIMAL_COMMA",),
    ),
    x_column="länge",
    y_column="breite",
)
def semicolons(path: Path) -> None:
    _text(path, "nr;länge;breite;wert\n1;10,5;50,25;1,5\n2;11,5;51,25;2,5\n")


@case("pipes.csv", accepted(Table("pipes", 2, "Point")))
def pipes(path: Path) -> None:
    _text(path, _PLAIN.replace(",", "|"))


@case("byte_order_mark.csv", accepted(Table("byte_order_mark", 2, "Point", columns={"id": "bigint"})))
def byte_order_mark(path: Path) -> None:
    _text(path, _PLAIN, encoding="utf-8-sig")


@case("utf_16.csv", accepted(Table("utf_16", 2, "Point", columns={"id": "bigint"})))
def utf_16(path: Path) -> None:
    _text(path, _PLAIN, encoding="utf-16")


@case("guessed_encoding.csv", accepted(Table("guessed_encoding", 2, "Point"), findings=("ENCODING_GUESSED",)))
def guessed_encoding(path: Path) -> None:
    _text(path, _PLAIN.replace("Harbour", "Großer Hafen").replace("Mill", "Mühle"), encoding="cp1252")


@case("named_encoding.csv", accepted(Table("named_encoding", 2, "Point")), encoding="cp1251")
def named_encoding(path: Path) -> None:
    _text(path, _PLAIN.replace("Harbour", "Гавань"), encoding="cp1251")


@case("unclear_encoding.csv", refused("ENCODING_ERROR"))
def unclear_encoding(path: Path) -> None:
    _text(path, _PLAIN.replace("Harbour", "Гавань"), encoding="cp1251")


@case("wrong_encoding.csv", refused("ENCODING_ERROR"), encoding="ascii")
def wrong_encoding(path: Path) -> None:
    _text(path, _PLAIN.replace("Mill", "Mühle"))


@case("quoted.csv", accepted(Table("quoted", 2, "Point", columns={"name": "text"})))
def quoted(path: Path) -> None:
    _text(path, 'name,lon,lat\r\n"a, ""b""\r\nand c",10,50\r\nplain,11,51\r\n')


@case("open_quote.csv", refused("ROW_LENGTH"))
def open_quote(path: Path) -> None:
    _text(path, 'name,lon,lat\na,10,50\n"b,11,51\nc,12,52\n')


@case("short_and_long_rows.csv", refused("ROW_LENGTH"))
def short_and_long_rows(path: Path) -> None:
    _text(path, "name,lon,lat\na,10,50\nb,11\nc,12,52,9\n")


@case(
    "types.csv",
    accepted(
        Table(
            "types",
            3,
            "Point",
            columns={
                "zip": "text",
                "large": "bigint",
                "too_large": "text",
                "flag": "boolean",
                "day": "date",
                "local": "timestamp",
                "zoned": "timestamptz",
                "ratio": "double precision",
                "empty": "text",
                "late_text": "text",
            },
        )
    ),
)
def types(path: Path) -> None:
    _text(
        path,
        "lon,lat,zip,large,too_large,flag,day,local,zoned,ratio,empty,late_text\n"
        "1,2,007,9223372036854775807,9223372036854775808,true,2024-02-29,2024-02-29 12:00,"
        "2024-02-29T12:00:00Z,1e-3,,1\n"
        "3,4,12345,-1,1,FALSE,0001-01-01,2024-02-29T12:00:00.5,2024-02-29T12:00:00+02:00,.5,,2\n"
        "5,6,,,,,,,,,,three\n",
    )


@case("no_such_day.csv", accepted(Table("no_such_day", 1, "Point", columns={"day": "text"})))
def no_such_day(path: Path) -> None:
    _text(path, "lon,lat,day\n1,2,2023-02-29\n")


@case("missing_places.csv", accepted(Table("missing_places", 3, "Point", nulls=1)))
def missing_places(path: Path) -> None:
    _text(path, "name,lon,lat\na,10,50\nb,,\nc,12,52\n")


@case("half_a_place.csv", refused("COORDINATE_PARSE"))
def half_a_place(path: Path) -> None:
    _text(path, "name,lon,lat\na,10,50\nb,11,\n")


@case("words_for_coordinates.csv", refused("COORDINATE_PARSE"))
def words_for_coordinates(path: Path) -> None:
    _text(path, "name,lon,lat\na,10,50\nb,N/A,51\n")


@case("minutes_and_seconds.csv", refused("COORDINATE_PARSE"))
def minutes_and_seconds(path: Path) -> None:
    _text(path, "name,lon,lat\na,10°30'00\"E,50°15'00\"N\n")


@case(
    "well_known_text.csv",
    accepted(Table("well_known_text", 3, "MultiPolygon", nulls=1, columns={"id": "bigint"})),
)
def well_known_text(path: Path) -> None:
    _text(path, 'id,wkt\n1,"POLYGON ((0 0, 1 0, 1 1, 0 0))"\n2,\n3,"MULTIPOLYGON (((5 5, 6 5, 6 6, 5 5)))"\n')


@case("wkt_of_a_name.csv", accepted(Table("wkt_of_a_name", 1, "MultiLineStringZ")), wkt_column="Verlauf")
def wkt_of_a_name(path: Path) -> None:
    _text(path, 'id,Verlauf\n1,"LINESTRING Z (0 0 5, 1 0 6)"\n')


@case("wkt_with_a_number.csv", accepted(Table("wkt_with_a_number", 1, "Point")))
def wkt_with_a_number(path: Path) -> None:
    _text(path, "id,geom\n1,SRID=25832;POINT (565000 5930000)\n")


@case("wkt_damaged.csv", refused("COORDINATE_PARSE"), wkt_column="wkt")
def wkt_damaged(path: Path) -> None:
    _text(path, 'id,wkt\n1,POINT (1 2)\n2,"POLYGON ((0 0, 1 0"\n')


@case("wkt_nested.csv", refused("COORDINATE_PARSE"), wkt_column="wkt")
def wkt_nested(path: Path) -> None:
    depth = 20_000
    _text(path, "id;wkt\n1;" + "GEOMETRYCOLLECTION (" * depth + "POINT (1 2)" + ")" * depth + "\n")


@case("projected.csv", refused("CRS_MISSING"))
def projected(path: Path) -> None:
    _text(path, "id,easting,northing\n1,565000,5930000\n")


@case("projected_with_crs.csv", accepted(Table("projected_with_crs", 1, "Point")), source_crs="EPSG:25832")
def projected_with_crs(path: Path) -> None:
    _text(path, "id,Easting,Northing\n1,565000.5,5930000.25\n")


@case("swapped.csv", refused("CRS_MISSING"))
def swapped(path: Path) -> None:
    _text(path, "id,x,y\n1,10,150\n")


@case("no_coordinates.csv", refused("COORDINATE_COLUMNS"))
def no_coordinates(path: Path) -> None:
    _text(path, "id,name\n1,a\n")


@case("named_column_missing.csv", refused("COORDINATE_COLUMNS"), x_column="east", y_column="north")
def named_column_missing(path: Path) -> None:
    _text(path, _PLAIN)


@case(
    "twin_headers.csv",
    accepted(
        Table("twin_headers", 1, "Point", columns={"a": "bigint", "a_2": "bigint", "column_3": "bigint"}),
        findings=("COLUMNS_RENAMED",),
    ),
)
def twin_headers(path: Path) -> None:
    _text(path, "a,a,,lon,lat\n1,2,3,10,50\n")


@case("header_alone.csv", refused("NO_FEATURES"))
def header_alone(path: Path) -> None:
    _text(path, "id,lon,lat\n")


@case("blank_lines.csv", accepted(Table("blank_lines", 2, "Point")))
def blank_lines(path: Path) -> None:
    _text(path, "\n\nid,lon,lat\n1,10,50\n\n2,11,51\n\n")


@case("formulas.csv", accepted(Table("formulas", 1, "Point", columns={"name": "text"})))
def formulas(path: Path) -> None:
    """Kept as it is; only an export to CSV has to defuse it."""
    _text(path, "name,lon,lat\n=cmd|' /C calc'!A0,10,50\n")


@case("a_line_without_end.csv", refused("CONTENT_MISMATCH"))
def a_line_without_end(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"name,lon,lat\n")
        for _ in range(130):
            file.write(b"a" * 2**20)


@case("a_web_page.csv", refused("CONTENT_MISMATCH"))
def a_web_page(path: Path) -> None:
    _text(path, "<!DOCTYPE html><html><body>Please sign in</body></html>")


@case("zero_byte.csv", refused("CONTENT_MISMATCH", "ENCODING_ERROR", "FEATURES_REJECTED", door=Door.LOADING))
def zero_byte(path: Path) -> None:
    _text(path, "name,lon,lat\na\0b,10,50\n")
