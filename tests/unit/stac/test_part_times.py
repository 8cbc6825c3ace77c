"""Times in file names: taken where they leave no doubt."""

import pytest

from services.stac.part_times import observed, time_properties
from tests.unit.stac import summaries


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("T33UUP_20240131T101559_B04.tif", ("2024-01-31T10:15:59+00:00", "2024-01-31T10:15:59+00:00")),
        ("a_20240131T101559Z.tif", ("2024-01-31T10:15:59+00:00", "2024-01-31T10:15:59+00:00")),
        ("a_20240131T101559_20240131T101559.tif", ("2024-01-31T10:15:59+00:00", "2024-01-31T10:15:59+00:00")),
        ("rain_2024-01-31.tif", ("2024-01-31T00:00:00+00:00", "2024-01-31T23:59:59+00:00")),
        ("S2A_20240131T101559_N0510_20240131T142233.tif", None),
        ("rain_2024-01-31_2024-02-29.tif", None),
        ("LC08_20240131.tif", None),
        ("20241331T101559.tif", None),
        ("2024-02-30.tif", None),
        ("120240131T101559.tif", None),
        ("tile_0012_0034.tif", None),
    ],
)  # fmt: skip
def test_names(name: str, expected: tuple[str, str] | None) -> None:
    found = observed(name)
    assert (found and tuple(moment.isoformat() for moment in found)) == expected


YEAR = {"start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-12-31T23:59:59Z"}


@pytest.mark.parametrize(
    ("given", "name", "source"),
    [
        ({}, "20240131T101559", "name"),
        (YEAR, "20240131T101559", "name"),
        (YEAR, "20230131T101559", None),
        ({"datetime": "2024-05-06T00:00:00Z"}, "20240131T101559", None),
    ],
    ids=["unknown", "within", "outside", "told"],
)
def test_the_client_knows_better(given: dict[str, str], name: str, source: str | None) -> None:
    interval = observed(name)
    assert interval is not None
    properties = time_properties(summaries.mosaic_parameters(summaries.mosaic(1), **given), interval)
    assert (properties and properties["ddh:datetime_source"]) == source
