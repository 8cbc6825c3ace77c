"""GML: the axes of its systems, its values, and what is not fetched."""

import datetime as dt
from collections.abc import Callable

import pytest
import shapely

from tests.corpus.vector.gml import collection, place
from tests.unit.vector.conftest import Read, ReadLayer, Refusal


@pytest.mark.parametrize(
    ("srs", "pos", "expected"),
    [
        ("urn:ogc:def:crs:EPSG::4326", "50 10", (10, 50)),
        ("http://www.opengis.net/def/crs/EPSG/0/4326", "50 10", (10, 50)),
        ("EPSG:4326", "10 50", (10, 50)),
        ("http://www.opengis.net/gml/srs/epsg.xml#4326", "10 50", (10, 50)),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "10 50", (10, 50)),
        ("urn:ogc:def:crs:EPSG::25832", "565000 5930000", (565000, 5930000)),
    ],
)
def test_east_comes_first(read: Read, srs: str, pos: str, expected: tuple[float, float]) -> None:
    layer = read("a.gml", collection(place(1, srs=srs, pos=pos)).encode(), extra_formats=True)

    assert layer.geometries == [shapely.to_wkb(shapely.Point(expected))]
    assert layer.crs is not None


def test_values(read: Read) -> None:
    layer = read("a.gml", collection(place(1), place(2)).encode(), extra_formats=True)

    assert (layer.column("name"), layer.column("height")) == (["Zoë 1", "Zoë 2"], [1, 2])
    assert layer.column("gml_id") == ["f1", "f2"]


def test_every_kind_of_feature_is_a_layer(read_all: Callable[..., list[ReadLayer]]) -> None:
    content = collection(place(1), place(2, kind="tree"), place(3))
    layers = read_all("a.gml", content.encode(), extra_formats=True)

    assert {layer.name: len(layer.geometries) for layer in layers} == {"place": 2, "tree": 1}


def test_a_number_that_becomes_a_text_late(read: Read) -> None:
    places = [place(number) for number in range(200)]
    content = collection(*places, place(200).replace("<app:height>200<", "<app:height>high<"))
    layer = read("a.gml", content.encode(), extra_formats=True)

    assert layer.column("height")[-2:] == ["199", "high"]


def test_lines_of_bad_coordinates(refusal: Refusal) -> None:
    content = collection(place(1), "\n" + place(2, pos="fifty 10"))
    error = refusal("a.gml", content.encode(), extra_formats=True)

    assert (error.code, error.context["lines"]) == ("COORDINATE_PARSE", [2])


def test_one_operator_does_not_take_it(refusal: Refusal) -> None:
    error = refusal("a.gml", collection(place(1)).encode())

    assert error.code == "UNSUPPORTED_FORMAT"
    assert ".gml" not in error.context["supported"]


def dated(day: str, moment: str) -> bytes:
    """A feature with a day and a time, and another of usual ones."""
    features = [
        place(number).replace("<app:height>", f"<app:d>{d}</app:d><app:t>{t}</app:t><app:height>")
        for number, (d, t) in enumerate([("2024-02-29", "2024-02-29T10:00:00Z"), (day, moment)])
    ]
    return collection(*features).encode()


@pytest.mark.parametrize(
    ("day", "moment", "wrong"),
    [
        ("2023-02-30", "2024-01-01T10:00:00Z", {"d": "2023-02-30"}),
        ("2024-01-01", "2023-02-30T10:00:00Z", {"t": "2023-02-30T10:00:00Z"}),
        ("2024-01-01", "2024-01-01T10:00:00.1234Z", {"t": "2024-01-01T10:00:00.1234Z"}),
    ],
)
def test_days_and_times_that_the_reader_would_change(
    refusal: Refusal, day: str, moment: str, wrong: dict[str, str]
) -> None:
    error = refusal("a.gml", dated(day, moment), extra_formats=True)

    assert (error.code, error.context["value_by_column"]) == ("CONTENT_MISMATCH", wrong)


def test_days_and_times(read: Read) -> None:
    layer = read("a.gml", dated("2024-01-01", "2024-01-01T10:00:00.5+02:00"), extra_formats=True)

    assert layer.column("d") == [dt.date(2024, 2, 29), dt.date(2024, 1, 1)]
    assert layer.column("t") == [
        dt.datetime(2024, 2, 29, 10, tzinfo=dt.UTC),
        dt.datetime(2024, 1, 1, 8, 0, 0, 500_000, tzinfo=dt.UTC),
    ]
    assert layer.column("height") == [0, 1]
