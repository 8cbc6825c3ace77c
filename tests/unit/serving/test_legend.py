"""The legend as a picture."""

import io

import numpy as np
import pytest
from PIL import Image
from rio_tiler.colormap import cmap

from core.task_models.raster import LegendEntry, Rendering
from triggers.serving.legend import legend_png

CLASSES = Rendering(
    colormap={1: (0, 99, 0, 255), 2: (200, 0, 0, 255)},
    legend=(
        LegendEntry(value=1, color=(0, 99, 0, 255), label="Forest"),
        LegendEntry(value=2, color=(200, 0, 0, 255)),
    ),
)
RAMP = Rendering(rescale=((-5, 3000),), colormap_name="magma", unit="m")


def drawn(rendering: Rendering, *, title: str = "") -> np.ndarray:
    content = legend_png(rendering, title=title)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return np.asarray(Image.open(io.BytesIO(content)))


def colors(pixels: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(int(part) for part in color) for color in np.unique(pixels.reshape(-1, 3), axis=0)}


def test_classes_have_their_colours() -> None:
    assert {(0, 99, 0), (200, 0, 0)} <= colors(drawn(CLASSES))


def test_transparent_classes_look_as_on_the_map() -> None:
    clear = Rendering(legend=(LegendEntry(value=0, color=(9, 9, 9, 0)),))
    assert (9, 9, 9) not in colors(drawn(clear))


def test_labels_are_drawn() -> None:
    unnamed = CLASSES.model_copy(update={"legend": CLASSES.legend[1:]})
    named = unnamed.model_copy(update={"legend": (CLASSES.legend[1].model_copy(update={"label": "Town"}),)})
    assert drawn(named).shape[1] > drawn(unnamed).shape[1]


def test_a_ramp_runs_from_the_lowest_to_the_highest() -> None:
    found = drawn(RAMP)
    row = [tuple(int(part) for part in color) for color in found[15]]
    expected = [tuple(np.array(cmap.get("magma")[step][:3]).tolist()) for step in range(256)]
    start = row.index(expected[0])
    assert row[start : start + 256] == expected


def test_without_colours_a_ramp_is_grey() -> None:
    greys = {(grey, grey, grey) for grey in range(256)}
    assert greys <= colors(drawn(Rendering(rescale=((0, 1),))))


def test_a_picture_tells_its_bands() -> None:
    plain, stretched = Rendering(bidx=(4, 3, 2)), Rendering(bidx=(4, 3, 2), rescale=((0, 1000),) * 3)
    assert drawn(stretched).shape[1] > drawn(plain).shape[1]


def test_a_title_makes_it_higher_and_is_cut() -> None:
    assert drawn(CLASSES, title="Land cover").shape[0] == drawn(CLASSES).shape[0] + 20
    assert drawn(CLASSES, title="x" * 5000).shape[1] < 600


def test_many_classes_stand_in_columns() -> None:
    entries = tuple(LegendEntry(value=value, color=(value, 0, 0, 255)) for value in range(256))
    height, width, _ = drawn(Rendering(legend=entries)).shape
    assert height < 600
    assert width < 1200


@pytest.mark.parametrize("rendering", [CLASSES, RAMP, Rendering(bidx=(1, 2, 3)), Rendering()])
def test_the_same_rendering_gives_the_same_bytes(rendering: Rendering) -> None:
    assert legend_png(rendering, title="a") == legend_png(rendering, title="a")
