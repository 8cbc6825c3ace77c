"""Several mosaics of one dataset: each is served by its own name, and none is taken for another."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

from infrastructure.database import Database
from infrastructure.repositories.published import PublishedRepository
from tests.integration.serving.functions_client import BASE_URL, FunctionsClient
from tests.integration.serving.mosaics import Scene, cut_into_parts, statistics, store_mosaic, terrain
from tests.integration.serving.publications import publish, publish_beside
from tests.integration.serving.test_mosaics import picture_with_holes, values
from tests.stack_fixtures.storage import Storage
from tools.stack.database import DatabaseUrls
from triggers.serving.config import ServingConfig

pytestmark = [
    pytest.mark.filterwarnings("ignore:You will likely lose important projection information:UserWarning"),
]
Connection = psycopg.Connection[Any]
PLACE = "point/9.02,46.985"
TILE = "tiles/WebMercatorQuad/14/8602/5764"
LOOK = {"rescale": [[100, 1700]], "colormap_name": "terrain"}


@dataclass(frozen=True)
class Split:
    """A dataset of a picture (`land`) and heights (`land_m2`); its request."""

    request_id: str
    picture: Scene
    heights: Scene


class Shelf:
    """Publishes mosaics of one dataset, revision by revision."""

    def __init__(self, storage: Storage, connection: Connection, folder: Path) -> None:
        self._storage, self._connection, self._folder = storage, connection, folder

    def split(self, *, revision: int = 1) -> Split:
        picture, heights = picture_with_holes(), terrain()
        request_id = self.plain(picture, revision=revision)
        beside = self._store(heights, f"beside{revision}", prefix="dem")
        publish_beside(
            self._connection,
            "land_m2",
            request_id,
            position=1,
            locations=beside.locations,
            characteristics={**beside.characteristics, "rendering": LOOK},
        )
        return Split(request_id, picture, heights)

    def plain(self, scene: Scene, *, revision: int = 1) -> str:
        first = self._store(scene, f"first{revision}", prefix="part")
        return publish(
            self._connection, "land", locations=first.locations, characteristics=first.characteristics,
            data_type="raster_collection", revision=revision,
        )  # fmt: skip

    def _store(self, scene: Scene, name: str, *, prefix: str) -> Any:
        folder = self._folder / name
        folder.mkdir()
        parts = {each.replace("part", prefix): part for each, part in cut_into_parts(scene).items()}
        return store_mosaic(self._storage, folder, parts, whole=scene, statistics=statistics(scene))


@pytest.fixture
def shelf(storage: Storage, app_connection: Connection, tmp_path: Path) -> Shelf:
    return Shelf(storage, app_connection, tmp_path)


def test_each_name_has_its_own_pixels_whatever_was_asked_before(
    worker: FunctionsClient, shelf: Shelf
) -> None:
    """Both are of one revision: what is kept of it is kept by mosaic."""
    shelf.split()
    for _ in range(2):
        for name, bands, dtype in (("land", 3, "uint8"), ("land_m2", 1, "float32")):
            info = worker.get(f"/api/mosaic/{name}/info").json
            assert (info["count"], info["dtype"], info["part_count"]) == (bands, dtype, 9)
            assert len(worker.get(f"/api/mosaic/{name}/{PLACE}").json["values"]) == bands
            assert values(worker.get(f"/api/mosaic/{name}/{TILE}.npy")).shape[0] == bands + 1
            same = worker.get(f"/api/cog/{TILE}.npy?dataset={name}")
            assert np.array_equal(values(same), values(worker.get(f"/api/mosaic/{name}/{TILE}.npy")))


def test_all_verbs_answer_by_the_name_of_a_further_mosaic(worker: FunctionsClient, shelf: Shelf) -> None:
    split = shelf.split()
    tilejson = worker.get("/api/mosaic/land_m2/WebMercatorQuad/tilejson.json").json
    assert tilejson["tiles"][0].startswith(f"{BASE_URL}/api/mosaic/land_m2/tiles/")
    for path in ("preview.png", "legend.png", "statistics", "mosaicjson", "info.geojson", f"{TILE}.png"):
        assert worker.get(f"/api/mosaic/land_m2/{path}").status == 200, path
    legends = {worker.get(f"/api/mosaic/{name}/legend.png?title=false").body for name in ("land", "land_m2")}
    assert len(legends) == 2
    assert worker.get("/api/tiles/14/8602/5764?mosaic=land_m2").status == 200
    assets = worker.get("/api/mosaic/land_m2/14/8602/5764/assets").json
    assert assets
    for url in assets:
        assert f"/{split.request_id}/download/dem_" in url
        part = worker.get(url.removeprefix(BASE_URL))
        assert (part.status, part.body[:2]) == (200, b"II")
    for name in ("land_m3", "land_m", "land_m2_m2", "land_m02"):
        assert worker.get(f"/api/mosaic/{name}/info").json["code"] == "COLLECTION_NOT_FOUND"


def test_the_parts_and_files_of_every_mosaic_can_be_taken(worker: FunctionsClient, shelf: Shelf) -> None:
    split = shelf.split()
    path = f"/api/platform/data/{split.request_id}/download"
    sizes = {name: len(worker.get(f"{path}/{name}.tif").body) for name in ("part_0_0", "dem_0_0")}
    assert sizes["part_0_0"] != sizes["dem_0_0"]
    assert worker.get(f"{path}/tile_0_0.tif").json["code"] == "FILE_NOT_FOUND"
    first, other = worker.get(path), worker.get(f"{path}?collection=land_m2")
    assert (first.status, other.status) == (200, 200)
    assert first.body != other.body
    assert first.body == worker.get(f"{path}?collection=land").body
    assert 'filename="land_m2.tif"' in other.headers["content-disposition"]
    document = worker.get(f"{path}?f=mosaicjson&collection=land_m2")
    assert {url.rpartition("/")[2][:4] for urls in document.json["tiles"].values() for url in urls} == {
        "dem_"
    }
    unknown = worker.get(f"{path}?collection=land_m3")
    assert (unknown.status, unknown.json["code"]) == (404, "COLLECTION_NOT_FOUND")


def test_a_mosaic_of_another_dataset_is_no_part_of_this_download(
    worker: FunctionsClient, shelf: Shelf, app_connection: Connection
) -> None:
    split = shelf.split()
    publish(app_connection, "other", locations={"blob": "azure://silver/x.tif"}, characteristics={})
    answer = worker.get(f"/api/platform/data/{split.request_id}/download?collection=other")
    assert (answer.status, answer.json["code"]) == (404, "COLLECTION_NOT_FOUND")


def test_a_replaced_revision_takes_its_mosaics_along(worker: FunctionsClient, shelf: Shelf) -> None:
    """Also where nobody has removed the rows, as older code does not."""
    old = shelf.split()
    assert worker.get(f"/api/mosaic/land_m2/{TILE}.png").status == 200
    shelf.plain(terrain(), revision=2)
    gone = worker.get(f"/api/mosaic/land_m2/{TILE}.png")
    assert (gone.status, gone.json["code"]) == (404, "COLLECTION_NOT_FOUND")
    assert worker.get("/api/mosaic/land/info").json["dtype"] == "float32"
    assert worker.get(f"/api/platform/data/{old.request_id}/download/dem_0_0.tif").status in (404, 410)


@pytest.fixture
def page(serving_config: ServingConfig, database_urls: DatabaseUrls) -> Iterator[FunctionsClient]:
    with (
        Database(database_urls.app, on_promised=lambda ids: None) as database,
        FunctionsClient(replace(serving_config, catalogue=PublishedRepository(database))) as running,
    ):
        yield running


def test_the_page_shows_each_mosaic_and_names_the_others(
    page: FunctionsClient, shelf: Shelf, app_connection: Connection
) -> None:
    shelf.split()
    listed = [{"collection_id": name, "title": f"The {name}"} for name in ("land", "land_m2")]
    app_connection.execute(
        "UPDATE app.datasets SET data_characteristics = data_characteristics || %s",
        (Jsonb({"mosaics": listed}),),
    )
    html = page.get("/?dataset=land_m2").body.decode()
    assert "https://maps.example.org/land_m2/tilejson.json" in html
    assert "<h2>title of land_m2</h2>" in html
    assert '<a href="?dataset=land">The land</a>' in html
    assert '<a href="?dataset=land_m2" aria-current="page">The land_m2</a>' in html
    assert html.count('aria-current="true"') == 1, "the dataset is marked in the list"
    assert "No dataset is published" in page.get("/?dataset=land_m3").body.decode()
