"""Tiles and values of published mosaics, read from blob storage."""

import io
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from azure.storage.blob import BlobServiceClient
from rasterio.enums import ColorInterp
from rasterio.transform import Affine
from rasterio.windows import Window

from tests.integration.serving.cogs import upload
from tests.integration.serving.functions_client import BASE_URL, Answer, FunctionsClient
from tests.integration.serving.mosaics import (
    ALPHA,
    Scene,
    StoredMosaic,
    cut_into_parts,
    describe,
    statistics,
    store_mosaic,
    terrain,
    tiles_over,
    write_cog,
)
from tests.integration.serving.publications import publish, publish_squares
from tests.stack_fixtures.storage import Storage

pytestmark = [
    # titiler's map viewer writes the grid's CRS as a PROJ string.
    pytest.mark.filterwarnings("ignore:You will likely lose important projection information:UserWarning"),
]

COG, MOSAIC = "/api/cog", "/api/mosaic"
Connection = psycopg.Connection[Any]
# a tile in the middle of all scenes, at the first zoom that is read from parts
A_TILE = (13, 4301, 2882)
RED_GREEN_BLUE = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


class Publisher:
    """Publishes a scene as one COG, `whole`, and as a mosaic, `mosaic`."""

    def __init__(self, storage: Storage, connection: Connection, folder: Path) -> None:
        self._storage, self._connection, self._folder = storage, connection, folder

    def whole(self, scene: Scene, **known: Any) -> None:
        write_cog(self._folder / "whole.tif", scene)
        uri = upload(self._storage, self._folder / "whole.tif", f"{self._folder.name}/whole.tif")
        header = describe(scene).model_dump(mode="json")
        self._publish("whole", {"blob": uri}, {**header, "statistics": statistics(scene), **known})

    def mosaic(self, scene: Scene, parts: dict[str, Scene] | None = None, **known: Any) -> StoredMosaic:
        stored = store_mosaic(
            self._storage, self._folder, parts or cut_into_parts(scene), whole=scene,
            **{"statistics": statistics(scene), **known},
        )  # fmt: skip
        self._publish("mosaic", stored.locations, stored.characteristics)
        return stored

    def _publish(self, name: str, locations: Any, characteristics: Any) -> None:
        publish(
            self._connection, name, locations=locations, characteristics=characteristics, data_type="raster"
        )


@pytest.fixture
def publisher(storage: Storage, app_connection: Connection, tmp_path: Path) -> Publisher:
    return Publisher(storage, app_connection, tmp_path)


def delete_parts(storage: Storage) -> None:
    """All blobs of parts, and of nothing else."""
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        container = service.get_container_client(storage.silver)
        for blob in container.list_blobs():
            if "/part_" in blob.name:
                container.delete_blob(blob.name)


def values(answer: Answer) -> np.ndarray[Any, Any]:
    """Bands, and as the last one where there are data (1) and where not (0)."""
    assert answer.status == 200, answer.body
    array: np.ndarray[Any, Any] = np.load(io.BytesIO(answer.body))
    array[-1] = array[-1] > 0  # titiler's mask goes from the least to the most of the type
    return array


def picture_with_holes() -> Scene:
    """Red, green and blue without a nodata value, and a mask that has a hole."""
    rows, columns = np.mgrid[0:600, 0:700]
    pixels = np.stack([rows % 256, columns % 256, (rows * columns) % 251]).astype("uint8")
    mask = np.full((600, 700), 255, "uint8")
    mask[230:280, 100:600] = 0
    return Scene(pixels, mask=mask, colors=RED_GREEN_BLUE)


def picture_with_alpha() -> Scene:
    """The same, and the hole is in an alpha band."""
    scene = picture_with_holes()
    assert scene.mask is not None
    return Scene(np.concatenate([scene.pixels, scene.mask[np.newaxis]]), colors=(*RED_GREEN_BLUE, ALPHA))


def classes() -> Scene:
    """Bytes in blocks of seven pixels, without nodata."""
    rows, columns = np.mgrid[0:600, 0:700]
    return Scene(((rows // 7 + columns // 7) % 5).astype("uint8")[np.newaxis])


SCENES: dict[str, Callable[[], Scene]] = {
    "float with nodata": terrain,
    "float without nodata": lambda: terrain(nodata=None),
    "NaN as nodata": lambda: replace(
        terrain(), pixels=np.where(terrain().pixels == -9999, np.nan, terrain().pixels), nodata=float("nan")
    ),
    "mask": picture_with_holes,
    "alpha": picture_with_alpha,
    "classes": classes,
    "degrees": lambda: replace(terrain(), crs="EPSG:4326", transform=Affine(0.0001, 0, 11, 0, -0.0001, 47)),
}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic"])
def test_a_tile_of_a_mosaic_is_that_of_a_single_cog(
    worker: FunctionsClient, publisher: Publisher, name: str, resampling: str
) -> None:
    """Value for value, from the overviews to twice enlarged, and where parts meet."""
    scene = SCENES[name]()
    publisher.whole(scene)
    publisher.mosaic(scene)
    query = f"resampling={resampling}&reproject={resampling}"
    compared = 0
    for zoom in (13, 14, 15, 16):
        tiles = list(tiles_over(scene, zoom))
        for z, x, y in tiles[:: max(1, len(tiles) // 4)]:
            place = f"tiles/WebMercatorQuad/{z}/{x}/{y}.npy"
            whole = worker.get(f"{COG}/{place}?dataset=whole&{query}")
            mosaic = worker.get(f"{MOSAIC}/mosaic/{place}?{query}")
            assert mosaic.status == whole.status
            if whole.status == 200:
                np.testing.assert_array_equal(values(mosaic), values(whole), err_msg=place)
                compared += 1
    assert compared > 6


@pytest.mark.parametrize("resampling", ["nearest", "bilinear"])
def test_tiles_in_the_crs_of_the_mosaic_have_no_seams(
    worker: FunctionsClient, publisher: Publisher, resampling: str
) -> None:
    """Nothing is warped here, and GDAL rounds for each part: enlarged, hardly a pixel differs;
    reduced, it may be a pixel beside a border, and never a gap."""
    scene = replace(terrain(), crs="EPSG:3857", transform=Affine(11.3, 0, 1_000_000, 0, -11.3, 5_900_000))
    publisher.whole(scene)
    publisher.mosaic(scene)
    query = f"resampling={resampling}&reproject={resampling}"
    for zoom, allowed in ((13, 0.02), (14, 1e-4), (15, 1e-4)):
        for z, x, y in list(tiles_over(scene.cut(Window(200, 310, 200, 100)), zoom))[:6]:
            place = f"tiles/WebMercatorQuad/{z}/{x}/{y}.npy"
            expected = values(worker.get(f"{COG}/{place}?dataset=whole&{query}"))
            found = values(worker.get(f"{MOSAIC}/mosaic/{place}?{query}"))
            inside = _eroded(expected[-1] == 1)
            assert inside.sum() > 1000
            assert (found[-1][inside] == 1).all(), place
            assert (np.abs(found[0] - expected[0])[inside] > 1e-3).mean() <= allowed, place


def test_interpolation_reaches_into_parts_beside_the_tile(
    worker: FunctionsClient, publisher: Publisher
) -> None:
    """The parts are tiles of zoom 14 themselves: what lies beside a tile of zoom 15 is in another part."""
    pixel = 2 * math.pi * 6378137 / 256 / 2**14
    left, top = (8601 * 256 * pixel - math.pi * 6378137, math.pi * 6378137 - 5764 * 256 * pixel)
    scene = replace(
        terrain(width=768, height=768, nodata=None),
        crs="EPSG:3857",
        transform=Affine(pixel, 0, left, 0, -pixel, top),
    )
    publisher.whole(scene)
    publisher.mosaic(scene)
    for x, y in ((17204, 11530), (17205, 11531)):
        place = f"tiles/WebMercatorQuad/15/{x}/{y}.npy"
        query = "resampling=bilinear&reproject=bilinear"
        whole = values(worker.get(f"{COG}/{place}?dataset=whole&{query}"))
        np.testing.assert_allclose(values(worker.get(f"{MOSAIC}/mosaic/{place}?{query}")), whole, atol=1e-3)


def _eroded(mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Without the pixels next to its outer border."""
    padded = np.pad(mask, 2, mode="edge")
    shifts = [np.roll(padded, (dy, dx), (0, 1)) for dy in (-2, 0, 2) for dx in (-2, 0, 2)]
    eroded: np.ndarray[Any, Any] = np.logical_and.reduce(shifts)[2:-2, 2:-2]
    return eroded


def test_a_mosaic_has_the_verbs_of_a_cog(worker: FunctionsClient, publisher: Publisher) -> None:
    scene = terrain()
    publisher.mosaic(scene)
    publisher.whole(scene)
    mosaic, whole = f"{MOSAIC}/mosaic", f"{COG}/{{}}?dataset=whole"
    info = worker.get(f"{mosaic}/info").json
    assert (info["dtype"], info["width"], info["part_count"]) == ("float32", 700, 9)
    assert info["bounds"] == worker.get(whole.format("info")).json["bounds"]
    assert worker.get(f"{mosaic}/info.geojson").json["bbox"] == pytest.approx(
        worker.get(whole.format("info.geojson")).json["bbox"]
    )
    place = "point/9.02,46.985"
    point = worker.get(f"{mosaic}/{place}").json
    assert point["values"] == worker.get(whole.format(place)).json["values"]
    outside = worker.get(f"{mosaic}/point/20,20")
    assert (outside.status, outside.json["code"]) == (404, "POINT_OUTSIDE_BOUNDS")
    box = "bbox/9.001,46.98,9.05,46.99.npy"
    assert np.array_equal(values(worker.get(f"{mosaic}/{box}")), values(worker.get(whole.format(box))))
    assert worker.get(f"{mosaic}/preview.png").type == "image/png"
    band = worker.get(f"{mosaic}/statistics").json["b1"]
    assert band["mean"] == pytest.approx(worker.get(whole.format("statistics")).json["b1"]["mean"], rel=0.02)
    assert worker.get(f"{mosaic}/WebMercatorQuad/map.html").type == "text/html"
    assert worker.get(f"{mosaic}/tiles/WebMercatorQuad").status == 200
    outside = worker.get(f"{mosaic}/tiles/WebMercatorQuad/13/0/0.png")
    assert (outside.status, outside.json["code"]) == (404, "TILE_OUTSIDE_BOUNDS")


def test_low_zooms_come_from_the_overview_and_are_told(worker: FunctionsClient, publisher: Publisher) -> None:
    stored = publisher.mosaic(terrain())
    tilejson = worker.get(f"{MOSAIC}/mosaic/WebMercatorQuad/tilejson.json").json
    assert (tilejson["minzoom"], tilejson["maxzoom"]) == (0, 14)
    [template] = tilejson["tiles"]
    assert template.startswith(f"{BASE_URL}{MOSAIC}/mosaic/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}")
    path = template.removeprefix(BASE_URL).format(z=0, x=0, y=0)
    assert worker.get(path).status == 200
    for z, x, y in tiles_over(terrain(), 12):
        assert values(worker.get(f"{MOSAIC}/mosaic/tiles/{z}/{x}/{y}.npy"))[-1].any()
    assert "overview" in stored.locations


def test_parts_are_not_opened_for_low_zooms(
    worker: FunctionsClient, publisher: Publisher, storage: Storage
) -> None:
    publisher.mosaic(terrain())
    delete_parts(storage)
    assert worker.get(f"{MOSAIC}/mosaic/tiles/WebMercatorQuad/0/0/0.png").status == 200
    lost = worker.get(f"{MOSAIC}/mosaic/tiles/WebMercatorQuad/{'/'.join(map(str, A_TILE))}.png")
    assert (lost.status, lost.json["code"]) == (503, "RASTER_UNAVAILABLE")


def test_holes_are_transparent(worker: FunctionsClient, publisher: Publisher) -> None:
    scene = picture_with_holes()
    parts = cut_into_parts(scene)
    del parts["part_0_1"]
    publisher.mosaic(scene, parts)
    for column, is_there in ((100, True), (380, False)):
        z, x, y = next(tiles_over(scene.cut(Window(column, 100, 5, 5)), 17))
        shown = values(worker.get(f"{MOSAIC}/mosaic/tiles/{z}/{x}/{y}.npy"))[-1] == 1
        assert shown.all() if is_there else not shown.any()
    assert worker.get(f"{MOSAIC}/mosaic/tiles/{z}/{x}/{y}.png").type == "image/png"


@pytest.mark.parametrize("make", [terrain, picture_with_holes, picture_with_alpha])
def test_the_first_of_two_parts_is_seen_and_the_other_through_its_holes(
    worker: FunctionsClient, publisher: Publisher, make: Any
) -> None:
    """The upper part has the scene's holes, the lower part is full; both cover everything."""
    upper = make()
    full = np.full_like(upper.pixels, 7)
    mask = None if upper.mask is None else np.full_like(upper.mask, 255)
    if ALPHA in upper.colors:
        full[-1] = 255
    lower = replace(upper, pixels=full, mask=mask)
    publisher.whole(upper)
    publisher.mosaic(upper, {"upper": upper, "lower": lower})
    for z, x, y in list(tiles_over(upper, 14))[::3]:
        place = f"tiles/WebMercatorQuad/{z}/{x}/{y}.npy"
        alone = worker.get(f"{COG}/{place}?dataset=whole")
        if alone.status == 404:
            continue
        expected, found = values(alone), values(worker.get(f"{MOSAIC}/mosaic/{place}"))
        seen = expected[-1] == 1
        assert np.array_equal(found[0][seen], expected[0][seen])
        beneath = ~seen & (found[-1] == 1)
        assert (found[0][beneath] == 7).all()


def test_parts_of_two_zones_are_laid_over_one_another(worker: FunctionsClient, publisher: Publisher) -> None:
    west = Scene(np.full((1, 300, 300), 1, "int16"), nodata=0)
    east = Scene(
        np.full((1, 300, 300), 2, "int16"), nodata=0, crs="EPSG:32633",
        transform=Affine(10, 0, 45_500, 0, -10, 5_222_500),
    )  # fmt: skip
    whole = replace(west, crs="EPSG:4326", transform=Affine(0.0001, 0, 9.0, 0, -0.0001, 47.01))
    publisher.mosaic(whole, {"west": west, "east": east}, overview=False)
    tilejson = worker.get(f"{MOSAIC}/mosaic/WebMercatorQuad/tilejson.json").json
    assert tilejson["minzoom"] == 13
    found = set()
    for z, x, y in tiles_over(whole, 13):
        image = values(worker.get(f"{MOSAIC}/mosaic/tiles/{z}/{x}/{y}.npy"))
        found |= set(np.unique(image[0][image[-1] == 1]))
    assert found == {1, 2}
    point = worker.get(f"{MOSAIC}/mosaic/point/9.01,46.99").json
    assert point["values"] == [1]
    assert worker.get(f"{MOSAIC}/mosaic/preview.png").status == 200


def test_pixels_of_overlapping_parts_can_be_put_together_otherwise(
    worker: FunctionsClient, publisher: Publisher
) -> None:
    low, high = (Scene(np.full((1, 300, 300), value, "int16"), nodata=0) for value in (3, 8))
    publisher.mosaic(low, {"low": low, "high": high})
    place = f"{MOSAIC}/mosaic/tiles/{'/'.join(map(str, list(tiles_over(low, 14))[4]))}.npy"
    assert values(worker.get(place))[0].max() == 3
    assert values(worker.get(f"{place}?pixel_selection=highest"))[0].max() == 8
    assert worker.get(f"{place}?pixel_selection=guess").status == 422


def test_documents_name_addresses_that_answer_and_never_blobs(
    worker: FunctionsClient, publisher: Publisher
) -> None:
    publisher.mosaic(terrain())
    document = worker.get(f"{MOSAIC}/mosaic/mosaicjson")
    assert document.json["mosaicjson"] == "0.0.3"
    [urls] = document.json["tiles"].values()
    assert "azure" not in document.body.decode()
    assert len(urls) == 9
    z, x, y = A_TILE
    touching = worker.get(f"{MOSAIC}/mosaic/{z}/{x}/{y}/assets").json
    assert 0 < len(touching) < 9
    assert set(touching) < set(urls)
    part = worker.get(touching[0].removeprefix(BASE_URL))
    assert (part.status, part.body[:2]) == (200, b"II")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("nothing/info", 404, "COLLECTION_NOT_FOUND"),
        ("squares/info", 404, "COLLECTION_NOT_FOUND"),
        ("whole/info", 404, "COLLECTION_NOT_FOUND"),
        ("mosaic/tiles/WebMercatorQuad/13/1/x.png", 422, "VALIDATION_ERROR"),
        ("mosaic/40/1/1/assets", 422, "VALIDATION_ERROR"),
        ("mosaic/nothing", 404, "NOT_FOUND"),
        ("mosaic/preview.png?bidx=9", 400, "VALIDATION_ERROR"),
        ("mosaic/preview/90000x9.png", 422, "VALIDATION_ERROR"),
        ("mosaic/info?url=azure://silver/x.json", 200, None),
    ],
)
def test_wrong_requests_get_the_one_error_shape(
    worker: FunctionsClient,
    publisher: Publisher,
    app_connection: Connection,
    path: str,
    status: int,
    code: str | None,
) -> None:
    publish_squares(app_connection, "squares")
    publisher.whole(classes())
    publisher.mosaic(classes())
    answer = worker.get(f"{MOSAIC}/{path}")
    assert (answer.status, answer.json.get("code")) == (status, code)


def test_tiles_are_found_by_the_name_alone(
    worker: FunctionsClient, publisher: Publisher, app_connection: Connection
) -> None:
    publish_squares(app_connection, "squares")
    publisher.whole(terrain())
    publisher.mosaic(terrain())
    z, x, y = A_TILE
    for query, canonical in (
        ("mosaic=mosaic", f"{MOSAIC}/mosaic/tiles/WebMercatorQuad/{z}/{x}/{y}.png"),
        ("collection=mosaic", f"{MOSAIC}/mosaic/tiles/WebMercatorQuad/{z}/{x}/{y}.png"),
        ("collection=whole", f"{COG}/tiles/WebMercatorQuad/{z}/{x}/{y}.png?dataset=whole"),
    ):
        short, long = worker.get(f"/api/tiles/{z}/{x}/{y}?{query}"), worker.get(canonical)
        assert (short.status, short.type, short.body) == (200, "image/png", long.body)
        assert short.headers["link"] == f'<{BASE_URL}{canonical}>; rel="canonical"'
        assert short.headers["cache-control"] == "public, max-age=300"
    vector = worker.get("/api/tiles/0/0/0?collection=squares")
    assert (vector.status, vector.type) == (200, "application/vnd.mapbox-vector-tile")
    assert worker.get("/api/tiles/0/0/0.png?collection=squares").status == 422
    assert worker.get(f"/api/tiles/{z}/{x}/{y}").json["code"] == "VALIDATION_ERROR"
    assert worker.get(f"/api/tiles/{z}/{x}/{y}?collection=nothing").json["code"] == "COLLECTION_NOT_FOUND"
    assert worker.get(f"{COG}/tiles/{z}/{x}/{y}.png?dataset=mosaic").status == 200
