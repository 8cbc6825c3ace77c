"""The small map: everything lies within it, also across the antimeridian and at the poles."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.reporting.map_frame import Box, MapFrame, latitude, longitude, map_frame

FIJI = (176.5, -19.5, -178.2, -15.8)
HALVES = {
    "type": "MultiPolygon",
    "coordinates": [
        [[[176.5, -19.5], [180, -19.5], [180, -15.8], [176.5, -19.5]]],
        [[[-180, -19.5], [-178.2, -19.3], [-180, -15.8], [-180, -19.5]]],
    ],
}


def frame(bbox: Box) -> MapFrame:
    made = map_frame(bbox, [])
    assert made is not None
    return made


def numbers(path: str) -> list[float]:
    return [float(text) for text in re.findall(r"-?\d+(?:\.\d+)?", path)]


@given(
    st.tuples(
        st.floats(-180, 180, allow_subnormal=False),
        st.floats(-90, 90, allow_subnormal=False),
        st.floats(-180, 180, allow_subnormal=False),
        st.floats(-90, 90, allow_subnormal=False),
    )
)
def test_every_box_is_within_the_frame(corners: Box) -> None:
    west, south, east, north = corners
    made = frame((west, min(south, north), east, max(south, north)))
    left, top, wide, high = made.box

    assert 0 <= left <= left + wide <= made.width + 0.2
    assert 0 <= top <= top + high <= made.height + 0.2
    assert 0 < made.scale.length <= 150.1
    for x, y in zip(*[iter(numbers(made.areas[0].path))] * 2, strict=True):
        assert -0.2 <= x <= made.width + 0.2
        assert -0.2 <= y <= made.height + 0.2
    for line in made.lines:
        assert 0 <= line.x <= made.width


def test_without_a_place_there_is_no_map() -> None:
    assert map_frame(None, []) is None


def test_what_crosses_the_antimeridian_is_in_one_piece() -> None:
    made = map_frame(FIJI, [("Fiji", HALVES)])
    assert made is not None
    halves = made.areas[0].path.split("z")[:2]
    western, eastern = (numbers(half)[::2] for half in halves)
    assert max(western) == min(eastern)
    assert {"178° E", "180°", "178° W"} <= {line.label for line in made.lines}
    assert made.label == "from 176.5° E to 178.2° W and from 19.5° S to 15.8° S"


def test_a_point_has_surroundings_and_a_mark_on_the_globe() -> None:
    made = frame((8.5, 47.3, 8.5, 47.3))
    assert made.scale.label == "100 m"
    assert made.globe is not None
    assert made.globe.mark == (72.0, 72.0)


def test_what_goes_around_the_globe_is_not_shown_on_one_side_of_it() -> None:
    assert frame((-180, -90, 180, 90)).globe is None
    assert frame((-80, -40, 80, 40)).globe is not None


def test_outlines_and_boxes_are_told_apart() -> None:
    made = map_frame(FIJI, [("Fiji", HALVES)])
    assert made is not None
    assert made.has_outline
    assert not frame(FIJI).has_outline


def test_as_many_layers_as_there_are_colours_are_told_apart() -> None:
    few = map_frame(FIJI, [(str(number), HALVES) for number in range(6)])
    many = map_frame(FIJI, [(str(number), HALVES) for number in range(7)])
    assert few is not None
    assert many is not None
    assert (few.has_keys, len({area.colour for area in few.areas})) == (True, 6)
    assert (many.has_keys, {area.colour for area in many.areas}) == (False, {0})


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [(13.4, "13.4° E"), (-13.40001, "13.4° W"), (0, "0°"), (180, "180°"), (182, "178° W"), (1e-9, "0°")],
)
def test_longitudes_are_written_as_people_do(degrees: float, expected: str) -> None:
    assert longitude(degrees) == expected


def test_latitudes_are_written_as_people_do() -> None:
    assert (latitude(52.5), latitude(-0.5)) == ("52.5° N", "0.5° S")
