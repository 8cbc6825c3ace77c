"""CSV: what is found out about a file, where wrong rows stand, and what becomes of every value."""

import datetime as dt
from pathlib import Path

import hypothesis
import pyarrow as pa
import pytest
import shapely
from hypothesis import strategies as st

from services.vector.csv_dialect import dialect_of
from services.vector.csv_rows import row_count, text_batches
from services.vector.csv_types import TypeGuess
from services.vector.distinct_names import distinct
from tests.unit.vector.conftest import Admit, Read, Refusal

UTC = dt.UTC


def decided(*values: str | None) -> str:
    guess = TypeGuess()
    guess.add(pa.array(values, pa.string()))
    return guess.decided.name


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (("1", "-20", None), "integer"),
        (("9223372036854775807", "-9223372036854775808"), "integer"),
        (("9223372036854775808",), "text"),
        (("007", "12"), "text"),
        (("0", "-0"), "float"),
        (("1", "2.50"), "float"),
        (("1e5", ".5", "5."), "float"),
        (("1e999",), "text"),
        (("1234567890123456", "0.5"), "text"),
        (("999999999999999.999",), "text"),
        (("0.5", "123456789012345.678", "0.25"), "text"),
        (("999999999999999,999", "0,5"), "text"),
        (("0.12345678901234567890",), "text"),
        (("0." + "1" * 5_000_000,), "text"),
        (("1e-400",), "text"),
        (("1.2345678e-320",), "text"),
        (("0.30000000000000004", "-1.7976931348623157e308"), "float"),  # as short as may be
        (("0.10000000000000001", "13.40499999999999936"), "float"),  # as %.17g and %.17f write them
        (("0.000000000000000000", "0e-999", "5e-324", "0.000001000000000000"), "float"),
        (("123456789012345,5", "0,10000000000000001"), "decimal comma"),
        (("+1",), "text"),
        (("1,5", "2"), "decimal comma"),
        (("1,234", "5,678"), "text"),
        (("1,234", "5,67"), "decimal comma"),
        (("true", "FALSE"), "boolean"),
        (("yes",), "text"),
        (("2024-02-29",), "date"),
        (("2023-02-29",), "text"),
        (("2024-02-29 12:00", "2024-02-29T12:00:00.123456"), "time"),
        (("2024-02-29T12:00:00Z", "2024-02-29T12:00:00+05:30"), "time with zone"),
        (("2024-02-29T12:00:00Z", "2024-02-29T12:00:00"), "text"),
        (("NaN",), "text"),
        ((None, None), "text"),
    ],
)
def test_the_type_that_changes_no_value(values: tuple[str | None, ...], name: str) -> None:
    assert decided(*values) == name


@hypothesis.given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_whole_numbers_come_back_as_they_were(numbers: list[int]) -> None:
    texts = pa.array([str(number) for number in numbers])
    guess = TypeGuess()
    guess.add(texts)

    assert guess.decided.read(texts).to_pylist() == numbers


@hypothesis.given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_come_back_as_they_were_or_stay_text(numbers: list[float]) -> None:
    texts = pa.array([repr(number) for number in numbers])
    guess = TypeGuess()
    guess.add(texts)
    read = guess.decided.read(texts).to_pylist()

    assert read in (numbers, texts.to_pylist())


def test_digits_that_a_double_does_not_hold_stay(read: Read) -> None:
    layer = read("a.csv", b"n,lon,lat\n0.5,1,2\n999999999999999.999,1.00000000000000000001,2\n")

    assert layer.column("n") == ["0.5", "999999999999999.999"]
    assert layer.column("lon") == ["1", "1.00000000000000000001"]
    assert layer.geometries == [shapely.to_wkb(shapely.Point(1, 2))] * 2


def test_the_type_is_that_of_the_whole_file(read: Read) -> None:
    rows = "".join(f"{number},1,2\n" for number in range(40_000))
    layer = read("a.csv", f"n,lon,lat\n{rows}end,1,2\n".encode())

    assert layer.rows.schema.field("n").type == pa.string()
    assert layer.column("n")[-2:] == ["39999", "end"]


def test_values_and_places(read: Read) -> None:
    content = "id;Länge;Breite;höhe;wann\n1;10,5;50,25;1,5;2024-02-29T12:00:00+02:00\n2;;;;\n"
    layer = read("a.csv", content.encode(), x_column="Länge", y_column="Breite")

    assert layer.crs == "EPSG:4326"
    assert layer.geometries == [shapely.to_wkb(shapely.Point(10.5, 50.25)), None]
    assert layer.column("Länge") == [10.5, None]
    assert layer.column("höhe") == [1.5, None]
    assert layer.column("wann") == [dt.datetime(2024, 2, 29, 10, tzinfo=UTC), None]
    assert layer.codes == ["COORDINATE_COLUMNS_USED", "DECIMAL_COMMA", "CRS_ASSUMED"]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("LON,LAT", ("LON", "LAT")),
        ("lat,lng", ("lng", "lat")),
        ("X Coord,Y Coord", ("X Coord", "Y Coord")),
        ("decimalLongitude,decimalLatitude", ("decimalLongitude", "decimalLatitude")),
        ("y,x,latitude,longitude", ("longitude", "latitude")),
    ],
)
def test_columns_with_usual_names(admitted: Admit, header: str, columns: tuple[str, str]) -> None:
    content = f"{header}\n{','.join(['1'] * (header.count(',') + 1))}\n"
    (layer,) = admitted("a.csv", content.encode())
    (used,) = (finding for finding in layer.findings if finding.code == "COORDINATE_COLUMNS_USED")

    assert (used.context["x"], used.context["y"]) == columns


def test_well_known_text_wins_over_coordinates_of_a_bounding_box(read: Read) -> None:
    layer = read("a.csv", b'x,y,geom\n1,2,"LINESTRING (0 0, 1 1)"\n')

    assert layer.geometries == [shapely.to_wkb(shapely.LineString([(0, 0), (1, 1)]))]
    assert layer.rows.schema.names == ["x", "y", "geometry"]


def test_an_attribute_that_is_called_geometry_stays(read: Read) -> None:
    layer = read("a.csv", b"geometry,lon,lat\nflat,1,2\n")

    assert layer.column("geometry") == ["flat"]
    assert layer.geometry_column == "geometry_"


def test_lines_of_rows_with_a_wrong_length(refusal: Refusal) -> None:
    error = refusal("a.csv", b'name,lon,lat\n"two\nlines",1,2\nshort,1\nfine,1,2\nlong,1,2,3\n')

    assert (error.code, error.context["lines"]) == ("ROW_LENGTH", [4, 6])
    assert "Line 4 has 2 fields, the header 3." in str(error)


def test_the_line_of_a_quotation_mark_that_is_never_closed(refusal: Refusal) -> None:
    error = refusal("a.csv", b'name,lon,lat\nfine,1,2\n"open,1,2\nlost,3,4\n')

    assert (error.code, error.context["lines"]) == ("ROW_LENGTH", [3])


def test_lines_of_coordinates_that_are_none(refusal: Refusal) -> None:
    error = refusal("a.csv", b"\nname,lon,lat\na,1,2\nb,1,x\nc,,2\nd,,\n")

    assert (error.code, error.context) == ("COORDINATE_PARSE", {"lines": [4, 5], "columns": ["lon", "lat"]})


def test_coordinates_in_the_wrong_order_are_suspected(refusal: Refusal) -> None:
    error = refusal("a.csv", b"x,y\n10,150\n")

    assert error.code == "CRS_MISSING"
    assert "swapped" in str(error)


def test_a_crs_that_the_texts_name(read: Read) -> None:
    layer = read("a.csv", b"geom\nSRID=25832;POINT (565000 5930000)\n")

    assert layer.crs == "EPSG:25832"
    assert "CRS_ASSUMED" not in layer.codes


def test_two_crs_in_one_file(refusal: Refusal) -> None:
    error = refusal("a.csv", b"geom\nSRID=25832;POINT (1 2)\nSRID=4326;POINT (1 2)\n")

    assert (error.code, error.context["srids"]) == ("CRS_UNKNOWN", [4326, 25832])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_texts_of_every_encoding_that_is_told_apart(read: Read, encoding: str) -> None:
    layer = read("a.csv", "name,lon,lat\nÀ Évry,1,2\n".encode(encoding))

    assert layer.column("name") == ["À Évry"]
    assert ("ENCODING_GUESSED" in layer.codes) == (encoding == "cp1252")


def test_how_sure_a_guess_is(read: Read) -> None:
    layer = read("a.csv", "name,lon,lat\nGröße, schön,1,2\n".replace(", ", " ").encode("cp1252"))
    (guess,) = (finding for finding in layer.findings if finding.code == "ENCODING_GUESSED")

    assert guess.context == {"encoding": "cp1252", "likelihood": 1.0}


def test_the_line_of_a_byte_that_is_of_another_encoding(refusal: Refusal) -> None:
    error = refusal("a.csv", b"name,lon,lat\nplain,1,2\n\xff\xfe\xff\xfe,1,2\n", encoding="utf-8")

    assert (error.code, error.context["line"]) == ("ENCODING_ERROR", 3)


def test_the_delimiter_is_the_one_that_fits_most_rows(read: Read) -> None:
    layer = read("a.csv", b"name;lon;lat\na, b, c;1,5;2,5\nd, e;3,5;4,5\n")

    assert layer.rows.schema.names == ["name", "lon", "lat", "geometry"]


@hypothesis.given(
    st.lists(
        st.tuples(st.text('ab",;\n\r é', max_size=8), st.text("xy\"', \t", max_size=5)),
        min_size=1,
        max_size=8,
    )
)
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], deadline=None)
def test_both_parsers_read_what_was_written(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    import csv

    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([("first", "second", "third"), *((a, b, "1") for a, b in rows)])
    dialect = dialect_of(path, encoding="utf-8")
    batches = list(text_batches(path, dialect, block_bytes=2**20))

    assert sum(batch.num_rows for batch in batches) == row_count(path, dialect) == len(rows)
    assert batches[0].column(0).to_pylist() == [a or None for a, _ in rows]


@pytest.mark.parametrize("line_end", [b"\n\n", b"\r\n\r\n", b"\r\r\n", b"\r\r"])
def test_blank_lines_are_no_rows(read: Read, line_end: bytes) -> None:
    lines = (b"", b"name,lon,lat", b"a,1,2", b"b,3,4", b"")
    layer = read("a.csv", line_end.join(lines))

    assert layer.column("name") == ["a", "b"]


def test_blank_lines_alone_are_no_features(refusal: Refusal) -> None:
    assert refusal("a.csv", b"name,lon,lat\n\n\n").code == "NO_FEATURES"


def test_curves_in_well_known_text_are_refused_with_their_lines(refusal: Refusal) -> None:
    error = refusal("a.csv", b'wkt,n\nPOINT (1 2),1\n"CIRCULARSTRING (0 0, 1 1, 2 0)",2\nPOINT (3 4),3\n')

    assert (error.code, error.context["lines"]) == ("COORDINATE_PARSE", [3])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "UTF_8_SIG"])
def test_an_encoding_that_names_its_mark(read: Read, encoding: str, mark: bytes) -> None:
    content = mark + "n,lon,lat\né,1,2\n".encode()

    assert read("a.csv", content, encoding=encoding).column("n") == ["é"]


def test_names_that_can_be_told_apart() -> None:
    assert distinct(("a", "a", "", "a_2", "")) == ("a", "a_3", "column_3", "a_2", "column_5")
