"""Raster tiles of published COGs, read from blob storage."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from azure.storage.blob import BlobServiceClient
from rasterio.io import MemoryFile

from infrastructure.blob import AzureBlobStore
from infrastructure.storage_account import StorageAccount
from tests.integration.serving import cogs
from tests.integration.serving.functions_client import BASE_URL, Answer, FunctionsClient
from tests.integration.serving.publications import publish, publish_squares
from tests.stack_fixtures.storage import Storage
from triggers.serving.config import ServingConfig

pytestmark = [
    # rasterio 1.4 still multiplies affine transforms in the way that affine 3.1 wants to deprecate one day.
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
    # titiler's map viewer writes the grid's CRS as a PROJ string.
    pytest.mark.filterwarnings("ignore:You will likely lose important projection information:UserWarning"),
    # A PNG tile has no place on earth.
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
]

COG = "/api/cog"
Connection = psycopg.Connection[Any]
# the tile of zoom 7 that holds 12 east, 47 north
INSIDE = "7/68/44"


@pytest.fixture
def config(serving_config: ServingConfig, storage: Storage) -> ServingConfig:
    account = StorageAccount(connection_string=storage.connection_string)
    return replace(serving_config, blobs=AzureBlobStore(account, readable=frozenset({storage.silver})))


@pytest.fixture
def worker(config: ServingConfig) -> Iterator[FunctionsClient]:
    with FunctionsClient(config) as running:
        yield running


@pytest.fixture
def elevation(storage: Storage, app_connection: Connection, tmp_path: Path) -> str:
    """The blob of a published elevation raster, `heights`."""
    cogs.write_cog(tmp_path / "heights.tif", cogs.elevation(), nodata=-9999)
    uri = cogs.upload(storage, tmp_path / "heights.tif", "rasters/heights/r1/cog.tif")
    known = cogs.characteristics(tmp_path / "heights.tif")
    publish(app_connection, "heights", locations={"blob": uri}, characteristics=known, data_type="raster")
    return uri


def pixels(answer: Answer) -> np.ndarray[Any, Any]:
    assert answer.status == 200, answer.body
    with MemoryFile(answer.body) as memory, memory.open() as dataset:
        array: np.ndarray[Any, Any] = dataset.read()
        return array


@pytest.mark.usefixtures("elevation")
def test_info_describes_the_cog(worker: FunctionsClient) -> None:
    info = worker.get(f"{COG}/info?dataset=heights")
    assert info.status == 200
    assert (info.json["dtype"], info.json["width"]) == ("float32", cogs.SIZE)
    assert worker.get(f"{COG}/info.geojson?dataset=heights").json["bbox"] == list(cogs.BOUNDS)


@pytest.mark.usefixtures("elevation")
def test_elevations_are_stretched_to_a_picture(worker: FunctionsClient) -> None:
    """West is dark, east is bright, and the hole is transparent."""
    image = pixels(worker.get(f"{COG}/preview.png?dataset=heights&max_size=256"))
    grey, alpha = image[0].astype(int), image[-1]
    assert alpha[2, 2] == 0
    assert alpha[200, 200] == 255
    assert grey[200, 5] < 20
    assert grey[200, -5] > 240


@pytest.mark.usefixtures("elevation")
def test_a_clients_own_rescale_counts(worker: FunctionsClient) -> None:
    image = pixels(worker.get(f"{COG}/preview.png?dataset=heights&max_size=256&rescale=2900,3000"))
    assert image[0][200, 128] == 0


@pytest.mark.usefixtures("elevation")
def test_files_of_values_are_not_stretched(worker: FunctionsClient) -> None:
    values = pixels(worker.get(f"{COG}/preview.tif?dataset=heights&max_size=256"))
    assert values[0].max() > 2900
    array = np.load(io.BytesIO(worker.get(f"{COG}/tiles/WebMercatorQuad/{INSIDE}.npy?dataset=heights").body))
    assert array[0].max() > 300


@pytest.mark.usefixtures("elevation")
def test_tiles_and_their_short_spelling_agree(worker: FunctionsClient) -> None:
    tile = worker.get(f"{COG}/tiles/WebMercatorQuad/{INSIDE}.png?dataset=heights")
    assert (tile.status, tile.type) == (200, "image/png")
    assert tile.headers["cache-control"] == "public, max-age=300"
    assert len(np.unique(pixels(tile)[0])) > 50
    short = worker.get(f"{COG}/tiles/{INSIDE}.png?dataset=heights")
    assert short.body == tile.body
    canonical = f"{BASE_URL}{COG}/tiles/WebMercatorQuad/{INSIDE}.png?dataset=heights"
    assert short.headers["link"] == f'<{canonical}>; rel="canonical"'
    seen = worker.get(f"{COG}/tiles/{INSIDE}.png?dataset=heights", {"if-none-match": tile.headers["etag"]})
    assert (seen.status, seen.body) == (304, b"")


@pytest.mark.usefixtures("elevation")
def test_tilejson_carries_the_dataset_and_the_public_address(worker: FunctionsClient) -> None:
    tilejson = worker.get(f"{COG}/WebMercatorQuad/tilejson.json?dataset=heights").json
    [tiles] = tilejson["tiles"]
    assert tiles.startswith(f"{BASE_URL}{COG}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}")
    assert "dataset=heights" in tiles
    assert tilejson["bounds"] == pytest.approx(cogs.BOUNDS)


@pytest.mark.usefixtures("elevation")
def test_points_statistics_and_parts_give_values(worker: FunctionsClient) -> None:
    point = worker.get(f"{COG}/point/12,47?dataset=heights").json
    assert point["values"][0] == pytest.approx(1490, abs=10)
    statistics = worker.get(f"{COG}/statistics?dataset=heights").json["b1"]
    assert (statistics["min"], statistics["max"]) == (pytest.approx(-20, abs=5), pytest.approx(3000, abs=5))
    part = pixels(worker.get(f"{COG}/bbox/11,46,13,48.tif?dataset=heights"))
    assert part.shape[1:] == (300, 300)
    assert worker.get(f"{COG}/WebMercatorQuad/map.html?dataset=heights").type == "text/html"


def test_bytes_are_shown_as_they_are(
    worker: FunctionsClient, storage: Storage, app_connection: Connection, tmp_path: Path
) -> None:
    cogs.write_cog(tmp_path / "picture.tif", cogs.picture())
    uri = cogs.upload(storage, tmp_path / "picture.tif", "rasters/picture.tif")
    known = cogs.characteristics(tmp_path / "picture.tif")
    publish(app_connection, "picture", locations={"blob": uri}, characteristics=known, data_type="raster")
    shown = pixels(worker.get(f"{COG}/preview/600x600.png?dataset=picture"))
    assert np.array_equal(shown[:3], cogs.picture())


def test_a_published_blob_may_be_named_by_its_url(worker: FunctionsClient, elevation: str) -> None:
    assert worker.get(f"{COG}/info?url={elevation}").json["dtype"] == "float32"


@pytest.mark.parametrize(
    "url",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "/vsicurl/http://169.254.169.254/metadata",
        "http://169.254.169.254/metadata",
        "https://example.org/x.tif",
        "/vsimem/x.tif",
        "azure://silver/other.tif",
        "GTIFF_DIR:1:/etc/passwd",
        "<VRTDataset/>",
    ],
)
@pytest.mark.usefixtures("elevation")
def test_any_other_url_is_refused_and_never_opened(worker: FunctionsClient, url: str) -> None:
    answer = worker.get(f"{COG}/info?url={url}")
    assert (answer.status, answer.json["code"]) == (403, "URL_NOT_ALLOWED")
    assert "passwd" not in answer.json["detail"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("tiles/WebMercatorQuad/7/0/0.png?dataset=heights", 404, "TILE_OUTSIDE_BOUNDS"),
        ("point/0,0?dataset=heights", 404, "POINT_OUTSIDE_BOUNDS"),
        ("info", 422, "VALIDATION_ERROR"),
        ("info?dataset=nothing", 404, "COLLECTION_NOT_FOUND"),
        ("info?dataset=squares", 404, "COLLECTION_NOT_FOUND"),
        ("preview.png?dataset=heights&bidx=9", 400, "VALIDATION_ERROR"),
        ("preview.png?dataset=heights&rescale=a,b", 422, "VALIDATION_ERROR"),
        ("preview.png?dataset=heights&expression=b1%2B%2B(", 400, "VALIDATION_ERROR"),
        ("preview/90000x90000.png?dataset=heights", 422, "VALIDATION_ERROR"),
        ("tiles/WebMercatorQuad/7/68/44?dataset=heights&tilesize=100000", 422, "VALIDATION_ERROR"),
        ("preview.png?dataset=heights&colormap_name=nothing", 422, "VALIDATION_ERROR"),
        ("preview.exe?dataset=heights", 422, "VALIDATION_ERROR"),
    ],
)
@pytest.mark.usefixtures("elevation")
def test_wrong_requests_get_the_one_error_shape(
    worker: FunctionsClient, app_connection: Connection, path: str, status: int, code: str
) -> None:
    publish_squares(app_connection, "squares")
    answer = worker.get(f"{COG}/{path}")
    assert (answer.status, answer.type, answer.json["code"]) == (status, "application/problem+json", code)


def test_a_lost_blob_is_503_and_tells_nothing(
    worker: FunctionsClient, storage: Storage, elevation: str
) -> None:
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        service.get_blob_client(storage.silver, elevation.split("/", 3)[3]).delete_blob()
    answer = worker.get(f"{COG}/info?dataset=heights")
    assert (answer.status, answer.json["code"]) == (503, "RASTER_UNAVAILABLE")
    assert "vsiaz" not in answer.body.decode()


def test_tile_matrix_sets_and_colour_maps_are_listed(worker: FunctionsClient) -> None:
    listed = worker.get("/api/tileMatrixSets").json["tileMatrixSets"]
    assert "WebMercatorQuad" in {matrix_set["id"] for matrix_set in listed}
    assert worker.get("/api/tileMatrixSets/WebMercatorQuad").status == 200
    assert worker.get("/api/colorMaps/viridis").status == 200
    assert worker.get("/api/colorMaps").status == 200


@pytest.mark.usefixtures("elevation")
def test_what_is_published_anew_or_withdrawn_shows_at_once(
    worker: FunctionsClient, storage: Storage, app_connection: Connection, tmp_path: Path
) -> None:
    """Although what is known of a revision is kept, and its file stays open."""
    tile = f"{COG}/tiles/{INSIDE}.png?dataset=heights"
    before = worker.get(tile)
    cogs.write_cog(tmp_path / "second.tif", cogs.picture())
    uri = cogs.upload(storage, tmp_path / "second.tif", "rasters/heights/r2/cog.tif")
    known = cogs.characteristics(tmp_path / "second.tif")
    publish(
        app_connection, "heights", locations={"blob": uri}, characteristics=known, data_type="raster",
        revision=2,
    )  # fmt: skip
    after = worker.get(tile, {"if-none-match": before.headers["etag"]})
    assert after.status == 200
    assert after.body != before.body
    app_connection.execute("UPDATE app.datasets SET status = 'deleted' WHERE collection_id = 'heights'")
    assert worker.get(tile).json["code"] == "COLLECTION_NOT_FOUND"
