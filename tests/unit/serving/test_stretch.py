"""The default stretch of rasters that are no pictures."""

from typing import Any

import pytest

from triggers.serving.stretch import stretch

TWO = [{"min": -5.0, "max": 10.0}, {"min": 3.0, "max": 3.0}]


@pytest.mark.parametrize(
    ("dtypes", "statistics", "bidx", "expected"),
    [
        (["float32", "float32"], TWO, None, [(-5, 10), (3, 4)]),
        (["float32", "float32"], TWO, [2, 1, 1], [(3, 4), (-5, 10), (-5, 10)]),
        (["uint8", "uint8"], TWO, None, None),
        (["uint16", "uint16"], TWO, [3], None),
        (["uint16"], [{"min": None, "max": None}], None, None),
        (["float32"], [], None, None),
    ],
)
def test_stretch(
    dtypes: list[str],
    statistics: list[dict[str, Any]],
    bidx: list[int] | None,
    expected: list[tuple[float, float]] | None,
) -> None:
    assert stretch({"dtypes": dtypes, "statistics": statistics}, bidx) == expected


def test_a_raster_of_which_nothing_is_known() -> None:
    assert stretch({}, None) is None
