"""How large the tiles of Web Mercator are where the data lie."""

import math

import pytest

from services.vector.overview import world_in

WORLD = 2 * math.pi * 6378137
US_SURVEY_FOOT = 1200 / 3937


@pytest.mark.parametrize(
    ("srid", "middle", "size"),
    [
        (4326, 0, (360, 360)),
        (4326, 60, (360, 180)),
        (4326, -60, (360, 180)),
        (4326, 90, (360, 360 * math.cos(math.radians(80)))),
        (3857, 60, (WORLD, WORLD)),
        (32633, 60, (WORLD / 2, WORLD / 2)),
        (2263, 60, (WORLD / 2 / US_SURVEY_FOOT, WORLD / 2 / US_SURVEY_FOOT)),
        (4807, 0, (400, 400)),  # grads
    ],
)
def test_the_world_is_as_wide_as_its_tile_of_zoom_0(
    srid: int, middle: float, size: tuple[float, float]
) -> None:
    assert world_in(srid, (-1, middle - 1, 1, middle + 1)) == pytest.approx(size)


def test_without_a_place_it_is_as_at_the_equator() -> None:
    assert world_in(4326, None) == (360, 360)
