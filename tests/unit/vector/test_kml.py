"""KML: which folders become layers, whose values nothing is lost of, and where it is wrong."""

import datetime as dt
from collections.abc import Callable

import pytest
import shapely

from tests.corpus.vector.kml import document, folder, placemark
from tests.unit.vector.conftest import Read, ReadLayer, Refusal

POINT = "<Point><coordinates>10,50</coordinates></Point>"


def data(name: str, value: str) -> str:
    return f'<Data name="{name}"><value>{value}</value></Data>'


def extended(*content: str) -> str:
    return f"<ExtendedData>{''.join(content)}</ExtendedData>{POINT}"


def test_values_of_every_placemark(read: Read) -> None:
    first = placemark("a", extended(data("height", "5"), data("note", "x &amp; y")))
    layer = read("a.kml", document(first + placemark("b")).encode())

    assert layer.crs == "EPSG:4326"
    assert layer.geometries == [shapely.to_wkb(shapely.Point(10, 50))] * 2
    assert layer.column("Name") == ["a", "b"]
    assert (layer.column("height"), layer.column("note")) == (["5", None], ["x & y", None])


def test_values_beside_a_schema_and_beyond_it(read: Read) -> None:
    schema = '<Schema name="s" id="s"><SimpleField name="pop" type="int"/></Schema>'
    inside = '<SimpleData name="pop">12</SimpleData><SimpleData name="more">13</SimpleData>'
    typed = f'<SchemaData schemaUrl="#s">{inside}</SchemaData>'
    features = placemark("a", extended(typed, data("note", "x"))) + placemark(
        "b", extended(data("note", "y"))
    )
    layer = read("a.kml", document(schema + features).encode())

    assert (layer.column("pop"), layer.column("more"), layer.column("note")) == (
        [12, None],
        ["13", None],
        ["x", "y"],
    )


def test_attributes_that_are_called_like_elements(read: Read) -> None:
    own = extended(data("name", "mine"), data("description", "also mine"), data("timestamp", "never"))
    stamp = "<TimeStamp><when>2024-02-29T12:00:00Z</when></TimeStamp>"
    layer = read("a.kml", document(placemark("its name", stamp + own)).encode())

    assert layer.column("name") == ["mine"]
    assert layer.column("kml_Name") == ["its name"]
    assert layer.column("description") == ["also mine"]
    assert layer.column("timestamp") == ["never"]
    assert layer.column("timestamp_2") == [dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)]


def test_values_stay_with_their_folder(read_all: Callable[..., list[ReadLayer]]) -> None:
    content = folder("A", placemark("a", "<address>one</address>" + POINT)) + folder(
        "B", placemark("b") + placemark("c", "<address>two</address>" + POINT)
    )
    first, second = read_all("a.kml", document(content).encode())

    assert (first.column("address"), second.column("address")) == (["one"], [None, "two"])


def test_nested_folders_hold_what_is_in_them_alone(read_all: Callable[..., list[ReadLayer]]) -> None:
    inner = folder("Inner", placemark("i", "<address>inner</address>" + POINT))
    outer = folder("Outer", placemark("o1", "<address>o1</address>" + POINT) + inner + placemark("o2"))
    layers = {layer.name: layer for layer in read_all("a.kml", document(outer).encode())}

    assert layers["Outer"].column("Name") == ["o1", "o2"]
    assert layers["Outer"].column("address") == ["o1", None]
    assert layers["Inner"].column("address") == ["inner"]


def test_columns_without_a_value_are_left_out(read: Read) -> None:
    layer = read("a.kml", document(placemark("a")).encode())

    assert layer.rows.schema.names == ["Name", layer.geometry_column]


def test_ids_of_placemarks_are_kept(read: Read) -> None:
    content = document(placemark("a").replace("<Placemark>", '<Placemark id="p-7">') + placemark("b"))

    assert read("a.kml", content.encode()).column("id") == ["p-7", None]


def test_lines_of_bad_coordinates(refusal: Refusal) -> None:
    bad = "\n<Point><coordinates>10;50</coordinates></Point>"
    error = refusal("a.kml", document("\n" + placemark("a") + "\n" + placemark("b", bad)).encode())

    assert (error.code, error.context["lines"]) == ("COORDINATE_PARSE", [5])


@pytest.mark.parametrize(
    "coordinates", ["", " 10,50 ", "10,50,7", "\n10,50,7\n11,51,8\n", "1e1,5.0E1", "-10,+50", "10, 50"]
)
def test_coordinates_as_people_write_them(read: Read, coordinates: str) -> None:
    kind = "LineString" if coordinates.count(",") > 2 else "Point"
    line = f"<{kind}><coordinates>{coordinates}</coordinates></{kind}>"
    (wkb,) = read("a.kml", document(placemark("a", line)).encode()).geometries

    geometry = shapely.from_wkb(wkb)
    assert geometry.is_empty == (not coordinates)
    assert geometry.is_empty or tuple(map(abs, geometry.coords[0][:2])) == (10, 50)


def test_many_coordinates_before_a_bad_one_are_read_once(refusal: Refusal) -> None:
    """Digits that could be shared out in several ways once doubled the time with every place."""
    bad = f"<LineString><coordinates>{'12,34,56 ' * 2_000}x</coordinates></LineString>"
    error = refusal("a.kml", document("\n" + placemark("a", bad)).encode())

    assert (error.code, error.context["lines"]) == ("COORDINATE_PARSE", [3])


def test_what_refers_to_elsewhere_is_said_and_left_alone(read: Read) -> None:
    link = "<NetworkLink><Link><href>http://127.0.0.1:9/more.kml</href></Link></NetworkLink>"
    model = "<Model><Link><href>http://127.0.0.1:9/a.dae</href></Link></Model>"
    layer = read("a.kml", document(link + placemark("a") + placemark("m", model)).encode())

    assert {finding.code: finding.context["count"] for finding in layer.findings} == {
        "NETWORK_LINKS_IGNORED": 1,
        "MODELS_IGNORED": 1,
    }
    assert layer.geometries[1] is None


def test_an_image_on_the_ground_becomes_its_outline(read: Read) -> None:
    box = "<LatLonBox><north>3</north><south>1</south><east>5</east><west>2</west></LatLonBox>"
    overlay = f"<GroundOverlay><name>g</name><Icon><href>http://127.0.0.1:9/x.png</href></Icon>{box}</GroundOverlay>"
    layer = read("a.kml", document(overlay).encode())

    assert layer.codes == ["OVERLAYS_AS_OUTLINES"]
    assert shapely.from_wkb(layer.geometries[0]).bounds == (2, 1, 5, 3)


def test_a_track_becomes_a_line(read: Read) -> None:
    places = "<gx:coord>1 2 3</gx:coord><gx:coord>2 3 4</gx:coord>"
    track = f'<gx:Track xmlns:gx="http://www.google.com/kml/ext/2.2">{places}</gx:Track>'
    (wkb,) = read("a.kml", document(placemark("t", track)).encode()).geometries

    assert shapely.from_wkb(wkb).wkt == "LINESTRING Z (1 2 3, 2 3 4)"
