"""The default look: bands, stretch and colours."""

from typing import Any

import numpy as np
import pytest
from rio_tiler.colormap import cmap

from core.errors import PermanentTaskError
from core.task_models.raster import (
    BandStatistics,
    Histogram,
    NamedClass,
    RasterClass,
    RasterDescription,
    Rendering,
)
from services.raster.class_colors import class_color
from services.raster.rendering import default_rendering, known_colormaps
from tests.unit.stac.summaries import header

RGB = ("red", "green", "blue")


def look(
    classification: str,
    *measured: tuple[float | None, float | None, float | None, float | None],
    colormap: str | None = None,
    palette: dict[int, tuple[int, int, int, int]] | None = None,
    values: tuple[int, ...] | None = None,
    classes: tuple[NamedClass, ...] = (),
    histogram: Histogram | None = None,
    **of: Any,
) -> Rendering:
    """`measured`: minimum, 2 %, 98 %, maximum of each band."""
    statistics = [
        BandStatistics(
            min=low, max=high, mean=None if low is None or high is None else (low + high) / 2, stddev=None,
            valid_percent=100, percentiles=None if p2 is None or p98 is None else (p2, p98),
            histogram=histogram,
        )
        for low, p2, p98, high in measured
    ]  # fmt: skip
    return default_rendering(
        classification=RasterClass(classification),
        statistics=statistics,
        description=RasterDescription(**header(**{"bands": max(len(measured), 1), **of})),
        palette=palette,
        default_colormap=colormap,
        classes=classes,
        class_values=values,
    )


def test_pictures_of_bytes_are_shown_as_they_are() -> None:
    found = look("rgb", (0, 10, 240, 255), (0, 10, 240, 255), (0, 10, 240, 255), colors=RGB)
    assert found == Rendering(bidx=(1, 2, 3), resampling="bilinear")


def test_pictures_of_more_bits_are_stretched_without_a_change_of_hue() -> None:
    found = look("rgb", (0, 10, 900, 9e3), (0, 20, 800, 9e3), (0, 5, 700, 9e3), dtype="uint16", colors=RGB)
    assert found.rescale == ((5, 900),) * 3


def test_the_alpha_band_is_not_shown() -> None:
    band = (0, 0, 255, 255)
    found = look("rgba", band, band, band, band, colors=("alpha", "blue", "green", "red"))
    assert found.bidx == (4, 3, 2)


@pytest.mark.parametrize(
    ("names", "bidx"),
    [
        (("B02", "B03", "B04", "B08"), (3, 2, 1)),
        (("Blue", "Green", "Red", "NIR"), (3, 2, 1)),
        (("Coastal blue", "blue (490 nm)", "green", "red", "red edge"), (4, 3, 2)),
        (("B1", "B2", "B3", "B4"), (1, 2, 3)),
        ((None, None, None, None), (1, 2, 3)),
    ],
)
def test_true_colour_where_it_is_named(names: tuple[str | None, ...], bidx: tuple[int, ...]) -> None:
    bands = [(0, number, 10 * number, 99) for number in range(1, len(names) + 1)]
    found = look("multispectral", *bands, dtype="uint16", names=names)
    assert found.bidx == bidx
    assert found.rescale == tuple((band, 10 * band) for band in bidx), "each band by itself"


def test_two_bands_make_no_picture() -> None:
    found = look("multispectral", (0, 1, 9, 99), (0, 2, 8, 99), dtype="float32")
    assert (found.bidx, found.rescale) == ((1,), ((1, 9),))


@pytest.mark.parametrize(("dtype", "colormap"), [("float32", "viridis"), ("uint16", None), ("uint8", None)])
def test_measurements_are_stretched_between_percentiles(dtype: str, colormap: str | None) -> None:
    found = look("continuous", (-9999, 2, 40, 1e30), dtype=dtype)
    assert found.rescale == ((2, 40),)
    assert (found.colormap_name, found.resampling) == (colormap, "bilinear")


def test_anomalies_are_symmetric_about_zero() -> None:
    found = look("continuous", (-9, -3, 5, 9), dtype="float32")
    assert (found.rescale, found.colormap_name) == (((-5, 5),), "rdbu_r")
    assert look("continuous", (-9, -0.1, 5, 9), dtype="float32").colormap_name == "viridis"


def test_dry_land_is_not_painted_as_water() -> None:
    found = look("dem", (0, 200, 800, 1200), dtype="float32")
    assert found.colormap_name == "terrain"
    ((low, high),) = found.rescale or ()
    _, green, blue, _ = np.array(cmap.get("terrain")[round(255 * (200 - low) / (high - low))])
    assert green > blue


def test_depths_and_heights_meet_at_sea_level() -> None:
    found = look("dem", (-9e3, -4000, 2500, 8e3), dtype="int16")
    assert (found.colormap_name, found.rescale) == ("topo", ((-4000, 4000),))
    polder = look("dem", (-7, -4, 320, 330), dtype="float32")
    assert polder.colormap_name == "terrain"


@pytest.mark.parametrize(
    ("measured", "dtype", "expected"),
    [
        ((7, 7, 7, 7), "uint8", (6.5, 7.5)),
        ((0, 0, 0, 4), "float32", (0, 4)),
        ((2e9, 2e9, 2e9, 2e9), "float64", (2e9 - 2000, 2e9 + 2000)),
        ((None, None, None, None), "uint16", (0, 65_535)),
        ((None, None, None, None), "int16", (-32_768, 32_767)),
        ((None, None, None, None), "float32", (0, 1)),
        ((-1.7e308, -1.7e308, 1.7e308, 1.7e308), "float64", (-0.5, 0.5)),
        ((0, float("-inf"), 3, 5), "float64", (0, 5)),
    ],
    ids=["constant", "mostly zero", "large", "empty", "empty, signed", "empty, float", "huge", "infinite"],
)  # fmt: skip
def test_every_stretch_is_finite_and_not_empty(
    measured: tuple[float, ...], dtype: str, expected: tuple[float, float]
) -> None:
    found = look("continuous", measured, dtype=dtype)  # type: ignore[arg-type]
    (stretch,) = found.rescale or ()
    assert stretch == pytest.approx(expected)


def test_without_statistics_the_type_gives_the_stretch() -> None:
    assert look("continuous", dtype="uint16").rescale == ((0, 65_535),)
    assert look("rgb", bands=3, colors=RGB).rescale is None
    assert look("categorical").colormap_name == "tab20"


PALETTE = dict.fromkeys(range(256), (0, 0, 0, 255)) | {
    0: (0, 0, 0, 255),
    1: (0, 99, 0, 255),
    2: (200, 0, 0, 255),
    3: (9, 9, 9, 0),
}


def test_the_colour_table_of_the_file_is_kept_without_its_padding() -> None:
    found = look("categorical", (0, 0, 3, 3), palette=PALETTE, values=(0, 2, 3))
    assert found.colormap == {value: PALETTE[value] for value in range(4)}
    assert [entry.value for entry in found.legend] == [0, 2, 3]
    assert found.resampling == "nearest"
    assert found.rescale is None


WATER = NamedClass(value=1, name="water", color=(0, 0, 255, 255))
TOWN = NamedClass(value=3, name="town")


def test_the_legend_has_the_names_of_the_classes_that_occur() -> None:
    found = look("categorical", (1, 1, 3, 3), values=(1, 2), classes=(WATER, TOWN))
    assert [(entry.value, entry.label) for entry in found.legend] == [(1, "water"), (2, "")]
    assert found.colormap == {1: WATER.color, 2: class_color(2)}


def test_a_palette_goes_before_the_colours_of_a_table() -> None:
    found = look("categorical", (0, 0, 3, 3), palette=PALETTE, values=(1,), classes=(WATER,))
    assert [(entry.color, entry.label) for entry in found.legend] == [(PALETTE[1], "water")]


def test_where_nobody_knows_which_classes_occur_those_with_names_are_shown() -> None:
    found = look("categorical", classes=(WATER, TOWN))
    assert [entry.label for entry in found.legend] == ["water", "town"]
    sampled = look("categorical", classes=(WATER, TOWN), colormap="viridis")
    assert [entry.label for entry in sampled.legend] == ["water", "town"]


def test_a_class_that_is_black_keeps_its_colour_where_it_occurs() -> None:
    found = look("categorical", (0, 0, 200, 200), palette=PALETTE, values=(1, 200))
    assert (found.colormap or {})[200] == (0, 0, 0, 255)
    assert 100 not in (found.colormap or {})


def test_colours_without_a_table_are_distinct_and_stable() -> None:
    few = look("categorical", (2, 2, 9, 9), values=(2, 5, 9)).colormap or {}
    many = look("categorical", (0, 0, 39, 39)).colormap or {}
    assert few == {value: many[value] for value in (2, 5, 9)}
    assert len(many) == 40
    gaps = [
        sum(abs(a - b) for a, b in zip(many[one], many[other], strict=True))
        for one in many for other in many if one < other
    ]  # fmt: skip
    assert min(gaps) > 24
    assert class_color(-3)[3] == 255


def test_the_histogram_tells_which_classes_there_are() -> None:
    counts = [0] * 256
    counts[4] = counts[17] = 5
    histogram = Histogram(count=256, min=-0.5, max=255.5, buckets=tuple(counts))
    found = look("categorical", (4, 4, 17, 17), histogram=histogram)
    assert sorted(found.colormap or {}) == [4, 17]


def test_too_many_classes_are_shown_as_a_range() -> None:
    found = look("categorical", (0, 5, 4000, 5000), dtype="uint16")
    assert (found.colormap, found.colormap_name, found.resampling) == (None, "tab20", "nearest")
    assert look("categorical", (0, 0, 1e38, 1e38), dtype="float64").colormap is None


def test_the_client_chooses_the_colours() -> None:
    assert look("dem", (0, 1, 9, 10), dtype="float32", colormap="magma").colormap_name == "magma"
    assert look("dem", (0, 1, 9, 10), dtype="float32", colormap="magma").rescale == ((1, 9),)
    bands = [(0, 1, 9, 10)] * 4
    assert look("multispectral", *bands, dtype="uint16", colormap="magma").bidx == (1,)
    classes = look("categorical", (1, 1, 3, 3), palette=PALETTE, values=(1, 2, 3), colormap="gray").colormap
    assert classes == {1: (0, 0, 0, 255), 2: (128, 128, 128, 255), 3: (255, 255, 255, 255)}
    assert look("rgb", *bands[:3], colors=RGB, colormap="magma").colormap_name is None


def test_unknown_colours_are_refused() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        look("dem", (0, 1, 9, 10), colormap="sunset_over_graz")
    assert caught.value.code == "COLORMAP_UNKNOWN"
    assert "viridis" in caught.value.remedy


def test_every_known_map_can_be_drawn() -> None:
    assert {"terrain", "topo", "viridis", "rdbu_r", "tab20"} <= set(known_colormaps())
    for name in known_colormaps():
        assert set(cmap.get(name)) == set(range(256))
