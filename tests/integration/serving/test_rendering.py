"""The default look of rasters, their legends, and tiles that were drawn in advance."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from azure.storage.blob import BlobServiceClient
from PIL import Image
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer
from rio_tiler.colormap import cmap

from core.task_models.raster import LegendEntry, Rendering
from tests.integration.serving import cogs
from tests.integration.serving.functions_client import Answer, FunctionsClient
from tests.integration.serving.publications import publish
from tests.stack_fixtures.storage import Storage

COG = "/api/cog"
INSIDE = "7/68/44"
Connection = psycopg.Connection[Any]
Pixels = np.ndarray[Any, Any]


class Publisher:
    """Publishes pixels with a default look."""

    def __init__(self, storage: Storage, connection: Connection, folder: Path) -> None:
        self._storage, self._connection, self._folder = storage, connection, folder

    def raster(
        self, pixels: Pixels, rendering: Rendering | None, *, nodata: float | None = None, **places: str
    ) -> None:
        path = self._folder / "data.tif"
        cogs.write_cog(path, pixels, nodata=nodata)
        known = cogs.characteristics(path)
        if rendering:
            known["rendering"] = rendering.model_dump(mode="json")
        locations = {"blob": cogs.upload(self._storage, path, "rasters/data.tif"), **places}
        publish(self._connection, "data", locations=locations, characteristics=known, data_type="raster")


@pytest.fixture
def publisher(storage: Storage, app_connection: Connection, tmp_path: Path) -> Publisher:
    return Publisher(storage, app_connection, tmp_path)


def image(answer: Answer) -> Pixels:
    """Rows, columns, RGBA."""
    assert answer.status == 200, answer.body
    return np.asarray(Image.open(io.BytesIO(answer.body)).convert("RGBA"))


ELEVATION = Rendering(rescale=((0, 3000),), colormap_name="terrain", resampling="bilinear")


def test_elevations_are_drawn_in_their_colours(worker: FunctionsClient, publisher: Publisher) -> None:
    publisher.raster(cogs.elevation(), ELEVATION, nodata=-9999)
    table = cmap.get("terrain")
    for path in (
        f"preview.png?dataset=data&width={cogs.SIZE}&height={cogs.SIZE}",
        f"bbox/10,45,14,49/{cogs.SIZE}x{cogs.SIZE}.png?dataset=data",
    ):
        picture = image(worker.get(f"{COG}/{path}"))
        assert picture[2, 2, 3] == 0
        for column in (100, 300, 550):
            value = cogs.elevation()[0, 300, column]
            expected = table[int(np.clip(value / 3000 * 255, 0, 255))][:3]
            assert np.abs(picture[300, column, :3].astype(int) - expected).max() <= 12
    tile = image(worker.get(f"{COG}/tiles/WebMercatorQuad/{INSIDE}?dataset=data"))
    assert len(np.unique(tile[..., :3].reshape(-1, 3), axis=0)) > 50


def test_each_parameter_takes_the_place_of_its_part(worker: FunctionsClient, publisher: Publisher) -> None:
    publisher.raster(cogs.elevation(), ELEVATION, nodata=-9999)

    def middle(query: str) -> list[int]:
        size = f"width={cogs.SIZE}&height={cogs.SIZE}"
        picture = image(worker.get(f"{COG}/preview.png?dataset=data&{size}&{query}"))
        return [int(value) for value in picture[300, 300]]

    colored = middle("")
    assert len(set(colored[:3])) > 1
    assert middle("colormap_name=gray")[:3] == [126] * 3  # the stretch is kept
    assert middle("rescale=2900,3000")[:3] == list(cmap.get("terrain")[0][:3])  # the colours are kept
    grey = middle("bidx=1")  # nothing is kept: from the minimum to the maximum
    assert len(set(grey[:3])) == 1
    assert len(set(middle("expression=b1&rescale=0,3000")[:3])) == 1


def test_values_come_as_they_are(worker: FunctionsClient, publisher: Publisher) -> None:
    bands = np.concatenate([cogs.elevation(), cogs.elevation() * 2])
    publisher.raster(bands, replace_bidx(ELEVATION, (2,)), nodata=-9999)
    values = np.load(io.BytesIO(worker.get(f"{COG}/preview.npy?dataset=data").body))
    assert len(values) == 3
    assert values[1].max() > 5900
    assert len(worker.get(f"{COG}/point/12,47?dataset=data").json["values"]) == 2
    assert set(worker.get(f"{COG}/statistics?dataset=data").json) == {"b1", "b2"}


def replace_bidx(rendering: Rendering, bidx: tuple[int, ...]) -> Rendering:
    return rendering.model_copy(update={"bidx": bidx})


def test_bands_are_chosen_and_stretched_each_by_itself(worker: FunctionsClient, publisher: Publisher) -> None:
    flat = (
        np.ones((4, cogs.SIZE, cogs.SIZE), "uint16") * np.array([100, 200, 300, 400], "uint16")[:, None, None]
    )
    look = Rendering(bidx=(4, 3, 2), rescale=((0, 400), (0, 600), (0, 800)), resampling="bilinear")
    publisher.raster(flat, look)
    tile = image(worker.get(f"{COG}/tiles/WebMercatorQuad/{INSIDE}.png?dataset=data"))
    assert tile[100, 100].tolist() == [255, 127, 63, 255]


CLASSES = Rendering(
    colormap={1: (10, 20, 30, 255), 2: (200, 100, 0, 255)},
    legend=(
        LegendEntry(value=1, color=(10, 20, 30, 255), label="water"),
        LegendEntry(value=2, color=(200, 100, 0, 255), label="sand"),
    ),
)


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_classes_have_their_colours_and_no_others(
    worker: FunctionsClient, publisher: Publisher, dtype: str
) -> None:
    classes = np.ones((1, cogs.SIZE, cogs.SIZE), dtype)
    classes[:, :, 300:] = 2
    classes[:, :50] = 3  # has no colour
    publisher.raster(classes, CLASSES)
    for path in ("preview.png?dataset=data", f"tiles/WebMercatorQuad/{INSIDE}.png?dataset=data"):
        picture = image(worker.get(f"{COG}/{path}"))
        shown = picture[picture[..., 3] > 0]
        assert {tuple(color) for color in shown.tolist()} == set(CLASSES.colormap.values())  # type: ignore[union-attr]


@pytest.mark.parametrize("rendering", [ELEVATION, CLASSES, None])
def test_there_is_a_legend(
    worker: FunctionsClient, publisher: Publisher, rendering: Rendering | None
) -> None:
    publisher.raster(cogs.elevation(), rendering, nodata=-9999)
    answer = worker.get(f"{COG}/legend.png?dataset=data")
    assert answer.type == "image/png"
    assert len(np.unique(image(answer).reshape(-1, 4), axis=0)) > 3
    assert (
        worker.get(f"{COG}/legend.png?dataset=data", {"if-none-match": answer.headers["etag"]}).status == 304
    )


@pytest.fixture
def archive(storage: Storage, tmp_path: Path) -> str:
    """A PMTiles archive in silver with one tile, which says what it is by its colour."""
    buffer = io.BytesIO()
    Image.new("RGBA", (256, 256), (255, 0, 255, 255)).save(buffer, "PNG")
    path = tmp_path / "low.pmtiles"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.write_tile(zxy_to_tileid(7, 68, 44), buffer.getvalue())
        writer.finalize({"tile_type": TileType.PNG, "tile_compression": Compression.NONE}, {})
    return cogs.upload(storage, path, "rasters/low.pmtiles")


def test_a_tile_that_was_drawn_before_is_not_drawn_again(
    worker: FunctionsClient, publisher: Publisher, archive: str
) -> None:
    publisher.raster(cogs.elevation(), ELEVATION, nodata=-9999, tile_cache=archive)
    tile, drawn = f"{COG}/tiles/WebMercatorQuad/{INSIDE}", [255, 0, 255, 255]
    for path in (f"{tile}.png?dataset=data", f"{tile}?dataset=data", f"{tile}.png?dataset=data&tilesize=256"):
        answer = worker.get(path)
        assert (answer.type, answer.headers["cache-control"]) == ("image/png", "public, max-age=300")
        assert image(answer)[0, 0].tolist() == drawn
    for path in (
        f"{tile}.png?dataset=data&colormap_name=gray",
        f"{tile}.png?dataset=data&tilesize=512",
        f"{tile}.webp?dataset=data",
        f"{COG}/tiles/WebMercatorQuad/7/68/45.png?dataset=data",
        f"{COG}/tiles/WebMercatorQuad/8/136/88.png?dataset=data",
    ):
        assert image(worker.get(path))[0, 0].tolist() != drawn
    assert (
        worker.get(f"{COG}/tiles/WebMercatorQuad/7/0/0.png?dataset=data").json["code"]
        == "TILE_OUTSIDE_BOUNDS"
    )
    assert worker.get(f"{COG}/tiles/WebMercatorQuad/7/x/0.png?dataset=data").status == 422


def test_drawn_tiles_need_no_raster(
    worker: FunctionsClient, publisher: Publisher, archive: str, storage: Storage
) -> None:
    publisher.raster(cogs.elevation(), ELEVATION, nodata=-9999, tile_cache=archive)
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        service.get_blob_client(storage.silver, "rasters/data.tif").delete_blob()
    assert worker.get(f"{COG}/tiles/WebMercatorQuad/{INSIDE}.png?dataset=data").status == 200
