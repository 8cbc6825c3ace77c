"""The demo's countries, made from the file that npm brings."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyogrio
import pytest

from tests.conftest import ROOT, unavailable
from tools.cli.demo_sources import make_countries
from tools.stack.errors import MissingProgram

SOURCE = ROOT / "node_modules" / "world-atlas" / "countries-50m.json"

# The widest parts that there are: mainland Russia, and Antarctica all around the pole.
WIDEST = {"Russia": 155.0, "Antarctica": 360.0}
WIDEST_OF_OTHERS = 90.0


def test_all_countries_are_there_valid_and_without_bars_across_the_map(tmp_path: Path) -> None:
    if not SOURCE.exists():
        unavailable(MissingProgram("the demo's data"))
    # In a process of its own, as the demo is: task handlers leave pyogrio few drivers in theirs.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(make_countries, SOURCE, tmp_path / "countries.gpkg").result()
    countries = pyogrio.read_dataframe(tmp_path / "countries.gpkg")
    assert len(countries) == 241
    assert countries.is_valid.all()
    parts = countries.explode()
    widths = (parts.bounds.maxx - parts.bounds.minx).groupby(parts.name).max()
    too_wide = {name: width for name, width in widths.items() if width > WIDEST.get(name, WIDEST_OF_OTHERS)}
    assert too_wide == {}
    fiji = countries[countries.name == "Fiji"].to_crs("EPSG:6933").area.item()  # an equal-area projection
    assert fiji / 1e6 == pytest.approx(18_300, rel=0.02)
