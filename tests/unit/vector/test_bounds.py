"""Bounds in degrees."""

import pytest

from services.vector.bounds import BoundingBox, is_on_globe, normalised, together


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ((1, 2, 3, 4), (1, 2, 3, 4)),
        ((-180.00000000000003, -90, 180.00000000000006, 90.0000001), (-180, -90, 180, 90)),
        ((170, 0, 190, 1), (170, 0, -170, 1)),
        ((190, 0, 200, 1), (-170, 0, -160, 1)),
        ((0, 0, 360, 1), (-180, 0, 180, 1)),
    ],
)
def test_longitudes_are_turned_into_the_usual_range(bbox: BoundingBox, expected: BoundingBox) -> None:
    assert normalised(bbox) == expected


@pytest.mark.parametrize(
    ("bbox", "on_globe"),
    [
        ((1, 2, 3, 4), True),
        ((0, -90, 360, 90), True),
        ((3, 2, 1, 4), False),
        ((1, 2, 3, 90.1), False),
        ((1, float("nan"), 3, 4), False),
        ((float("-inf"), 2, 3, 4), False),
    ],
)
def test_bounds_must_be_places(bbox: BoundingBox, on_globe: bool) -> None:
    assert is_on_globe(bbox) is on_globe


@pytest.mark.parametrize(("boxes", "expected"), [
    ([], None), ([None, (1.0, 2.0, 3.0, 4.0)], (1.0, 2.0, 3.0, 4.0)),
    ([(0.0, 0.0, 10.0, 1.0), (-10.0, -5.0, -5.0, 1.0)], (-10.0, -5.0, 10.0, 1.0)),
    ([(170.0, 0.0, 175.0, 1.0), (-170.0, 0.0, -160.0, 1.0)], (170.0, 0.0, -160.0, 1.0)),
    ([(170.0, 0.0, -170.0, 1.0), (160.0, 0.0, 175.0, 2.0)], (160.0, 0.0, -170.0, 2.0)),
    ([(-180.0, 0.0, 180.0, 1.0), (1.0, 2.0, 3.0, 4.0)], (-180.0, 0.0, 180.0, 4.0)),
    ([(0.0, 0.0, 170.0, 1.0), (120.0, 0.0, -70.0, 1.0), (-80.0, 0.0, 5.0, 1.0)], (-180.0, 0.0, 180.0, 1.0)),
])  # fmt: skip
def test_bounds_together_are_the_narrowest(
    boxes: list[BoundingBox | None], expected: BoundingBox | None
) -> None:
    assert together(boxes) == expected
