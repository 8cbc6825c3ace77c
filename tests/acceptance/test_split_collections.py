"""A folder of pictures and of heights in two zones: one request, one dataset, and a mosaic of each kind."""

import io
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from azure.storage.blob import BlobServiceClient
from PIL import Image
from rasterio.transform import from_origin
from rio_tiler.io import Reader

from tests.acceptance.hub import Hub, problem

pytestmark = pytest.mark.filterwarnings("ignore:The dataset has no Overviews")
SIDE = 300
SPLIT = {"on_mixed": "split", "generate_tile_cache": True}


@dataclass(frozen=True)
class Source:
    """A file of the folder: a square of ten metres a pixel, `column` squares east of the first."""

    name: str
    bands: int
    dtype: str
    crs: str
    column: int

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=SIDE, height=SIDE, count=self.bands, dtype=self.dtype,
            crs=self.crs, transform=from_origin(500_000 + self.column * SIDE * 10, 5_205_000, 10, 10),
        ) as dataset:  # fmt: skip
            dataset.write(self.pixels)
            if self.bands == 1:
                dataset.set_band_description(1, "elevation")
        return path

    @property
    def pixels(self) -> np.ndarray[Any, Any]:
        noise = np.random.default_rng(self.column).integers(0, 60, (self.bands, SIDE, SIDE))
        slope = np.arange(SIDE)[None, :] / 2 + 20 * np.arange(self.bands)[:, None, None]
        return (noise + slope).astype(self.dtype) + (900 if self.dtype == "float32" else 0)


PICTURES = tuple(Source(f"rgb_{n}", 3, "uint8", "EPSG:32632", n) for n in range(3))
HEIGHTS = tuple(Source(f"dem_{n}", 1, "float32", "EPSG:32632", n) for n in range(2))
ELSEWHERE = (Source("dem_east", 1, "float32", "EPSG:32633", 0),)
KINDS = (PICTURES, HEIGHTS, ELSEWHERE)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("mixed")
    return {source.name: source.write(folder) for kind in KINDS for source in kind}


@pytest.fixture(scope="module")
def folder(hub: Hub, files: dict[str, Path]) -> str:
    name = uuid.uuid4().hex[:8]
    with BlobServiceClient.from_connection_string(hub.stack.azurite.connection_string) as service:
        bronze = service.get_container_client("bronze")
        for path in files.values():
            bronze.upload_blob(f"{name}/{path.name}", path.read_bytes())
    return f"bronze/{name}/"


@pytest.fixture(scope="module")
def status(hub: Hub, folder: str) -> dict[str, Any]:
    return hub.publish("raster_collection", folder, processing_config=SPLIT)


def mosaics(status: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = status["data_characteristics"]["mosaics"]
    return found


def middle_of(path: Path) -> tuple[float, float]:
    """Longitude and latitude."""
    with Reader(str(path)) as source:
        west, south, east, north = source.get_geographic_bounds("EPSG:4326")
    return (west + east) / 2, (south + north) / 2


def test_each_kind_of_files_is_a_mosaic_of_one_dataset(status: dict[str, Any]) -> None:
    cid = status["collection_id"]
    assert [each["collection_id"] for each in mosaics(status)] == [cid, f"{cid}_m2", f"{cid}_m3"]
    assert [each["part_count"] for each in mosaics(status)] == [len(kind) for kind in KINDS]
    assert [each["classification"] for each in mosaics(status)] == ["rgb", "dem", "dem"]
    assert [each["crs"] for each in mosaics(status)] == ["EPSG:32632", "EPSG:32632", "EPSG:32633"]
    assert [each["dtypes"] for each in mosaics(status)] == [["uint8"] * 3, ["float32"], ["float32"]]
    assert {each["missing_count"] for each in mosaics(status)} == {0}
    assert status["completed_with_errors"] is False
    assert len({each["title"] for each in mosaics(status)}) == 3
    first = mosaics(status)[0]
    assert {name: first[name] for name in status["endpoints"]} == status["endpoints"]


def test_every_address_of_every_mosaic_answers(
    hub: Hub, status: dict[str, Any], files: dict[str, Path]
) -> None:
    for mosaic, kind in zip(mosaics(status), KINDS, strict=True):
        lon, lat = middle_of(files[kind[0].name])
        z = mosaic["maxzoom"]
        tile = tile_at(lon, lat, z)
        offered = {name: mosaic[name] for name in status["endpoints"]}
        for name, url in offered.items():
            at = {"z": z, "x": tile[0], "y": tile[1], "lon": lon, "lat": lat, "name": kind[0].name}
            answer = hub.get(url.format(**at))
            assert answer.status_code == 200, (name, answer.url, answer.text[:200])
            assert answer.content, name


def tile_at(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """The tile of WebMercatorQuad at a place."""
    x = (lon + 180) / 360
    y = 0.5 - np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)) / (2 * np.pi)
    return int(x * 2**zoom), int(y * 2**zoom)


def test_the_pixels_of_tiles_and_points_are_those_of_the_sources(
    hub: Hub, status: dict[str, Any], files: dict[str, Path]
) -> None:
    for mosaic, kind in zip(mosaics(status), KINDS, strict=True):
        z = mosaic["maxzoom"] + 1
        for source in kind:
            lon, lat = middle_of(files[source.name])
            x, y = tile_at(lon, lat, z)
            template = mosaic["tiles"].replace(".png", ".npy")
            found = np.load(io.BytesIO(hub.get(template.format(z=z, x=x, y=y)).content))
            with Reader(str(files[source.name])) as reader:
                expected = reader.tile(x, y, z)
                values = reader.point(lon, lat).array.data.tolist()
            assert found.shape[0] == source.bands + 1
            inside = (expected.mask > 0) & (found[-1] > 0)
            assert inside.mean() > 0.9
            np.testing.assert_array_equal(found[:-1][:, inside], expected.array.data[:, inside])
            assert hub.get(mosaic["point"].format(lon=lon, lat=lat)).json()["values"] == values


def test_each_mosaic_has_its_own_look(hub: Hub, status: dict[str, Any], files: dict[str, Path]) -> None:
    """A picture keeps its colours, heights get those of terrain."""
    looks = [status["data_characteristics"]["rendering"]]
    for mosaic in mosaics(status)[1:]:
        (row,) = hub.rows(
            "SELECT characteristics -> 'rendering' FROM platform.mosaics"
            f" WHERE collection_id = '{mosaic['collection_id']}'"
        )
        looks.append(row[0])
    assert [look["bidx"] for look in looks] == [[1, 2, 3], [1], [1]]
    assert [look["colormap_name"] for look in looks] == [None, "terrain", "terrain"]
    legends = {hub.get(mosaic["legend"]).content for mosaic in mosaics(status)}
    assert len(legends) == 3
    for mosaic, kind in zip(mosaics(status), KINDS, strict=True):
        preview = np.asarray(Image.open(io.BytesIO(hub.get(mosaic["preview"]).content)).convert("RGB"))
        assert preview.std() > 1, mosaic["collection_id"]
        bounds = hub.get(mosaic["tilejson"]).json()["bounds"]
        assert bounds == pytest.approx(mosaic["bbox"], abs=0.01)
        lon, lat = middle_of(files[kind[0].name])
        assert bounds[0] < lon < bounds[2]
        assert bounds[1] < lat < bounds[3]


def test_the_parts_of_a_mosaic_are_its_own(hub: Hub, status: dict[str, Any], files: dict[str, Path]) -> None:
    for mosaic, kind in zip(mosaics(status), KINDS, strict=True):
        lon, lat = middle_of(files[kind[0].name])
        x, y = tile_at(lon, lat, mosaic["maxzoom"])
        urls = hub.get(mosaic["assets"].format(z=mosaic["maxzoom"], x=x, y=y)).json()
        assert urls[0].endswith(f"/{kind[0].name}.tif")
        with rasterio.open(io.BytesIO(hub.get(urls[0]).content)) as cog:
            np.testing.assert_array_equal(cog.read(), kind[0].pixels)
        document = hub.get(mosaic["mosaicjson"]).json()
        named = {url.rpartition("/")[2] for urls in document["tiles"].values() for url in urls}
        assert named == {f"{source.name}.tif" for source in kind}
        archive = hub.get(mosaic["tile_cache"]).content
        assert archive[:8] == b"PMTiles\x03"


def test_one_stac_collection_has_all_files_and_all_mosaics(hub: Hub, status: dict[str, Any]) -> None:
    collection = hub.get(status["endpoints"]["stac_collection"]).json()
    items = hub.get(status["endpoints"]["stac_items"]).json()["features"]
    assert {item["id"] for item in items} == {source.name for kind in KINDS for source in kind}
    bands = {item["id"]: len(item["assets"]["data"]["raster:bands"]) for item in items}
    assert bands == {source.name: source.bands for kind in KINDS for source in kind}
    of = {item["id"]: item["properties"]["ddh:mosaic"] for item in items}
    for mosaic, kind in zip(mosaics(status), KINDS, strict=True):
        assert {of[source.name] for source in kind} == {mosaic["collection_id"]}
        told = {asset["href"] for asset in collection["assets"].values()}
        assert {mosaic["mosaicjson"], mosaic["tilejson"], mosaic["legend"], mosaic["tile_cache"]} <= told
    assert len(collection["renders"]) == 3


def test_the_page_of_a_further_mosaic_names_the_others(hub: Hub, status: dict[str, Any]) -> None:
    first, second, third = mosaics(status)
    page = hub.get(second["map"]).text
    assert second["tilejson"] in page
    assert first["title"] in page
    assert third["title"] in page


def test_nothing_but_what_is_published_is_kept(hub: Hub, status: dict[str, Any]) -> None:
    rows = hub.rows(
        "SELECT location, state, temporary FROM app.artefacts JOIN platform.request_jobs USING (job_id)"
        f" WHERE request_id = '{status['request_id']}'"
    )
    assert all((state == "published") is not temporary for _, state, temporary in rows)
    published = {location for location, state, _ in rows if state == "published"}
    assert (
        len([location for location in published if location.endswith(".tif")]) == 6 + 3
    )  # and the overviews
    assert len([location for location in published if location.endswith(".pmtiles")]) == 3


@pytest.mark.parametrize("on_mixed", ["error", "groups"])
def test_without_the_word_such_files_are_refused_as_before(hub: Hub, folder: str, on_mixed: str) -> None:
    answer = hub.submit(hub.body("raster_collection", folder, processing_config={"on_mixed": on_mixed}))
    ended = hub.wait(answer.json()["status_url"])
    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "COLLECTION_BAND_MISMATCH"
    assert "split" in ended["error"]["remedy"]


def test_two_zones_are_one_mosaic_or_two_as_the_client_says(hub: Hub, folder: str) -> None:
    heights = [f"{folder}{source.name}.tif" for source in (*HEIGHTS, *ELSEWHERE)]
    for options, counts in (
        ({"on_mixed": "groups"}, [3]),
        ({"on_mixed": "split"}, [2, 1]),
        ({"on_mixed": "split", "target_crs": "EPSG:3857"}, [3]),
    ):
        body = hub.body("raster_collection", folder, processing_config=options, blob_paths=heights)
        del body["source_path"]
        ended = hub.wait(hub.submit(body).json()["status_url"])
        assert ended["status"] == "completed", ended["error"]
        known = ended["data_characteristics"]
        assert [each["part_count"] for each in known.get("mosaics") or [known]] == counts


def test_a_plain_revision_leaves_no_mosaic_of_the_split_one_behind(hub: Hub, folder: str) -> None:
    """And the reverse."""
    body = hub.body("raster_collection", folder, processing_config={"on_mixed": "split"})
    plain = {**body, "blob_paths": [f"{folder}{source.name}.tif" for source in PICTURES]}
    del plain["source_path"]
    split = hub.wait(hub.submit(body).json()["status_url"])
    beside = mosaics(split)[1]
    assert hub.get(beside["info"]).status_code == 200
    second = replaced(hub, split, plain)
    assert "mosaics" not in second["data_characteristics"]
    problem(hub.get(beside["info"]), status=404, code="COLLECTION_NOT_FOUND")
    problem(hub.get(f"{hub.base_url}/api/cog/info?dataset={beside['collection_id']}"), status=404)
    assert "No dataset is published" in hub.get(beside["map"]).text
    third = replaced(hub, second, body)
    assert mosaics(third)[1]["collection_id"] == beside["collection_id"]
    assert hub.get(beside["info"]).status_code == 200


def replaced(hub: Hub, status: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The next revision of the dataset, after a deletion, for which there is no door yet."""
    hub.rows(
        "UPDATE app.datasets SET status = 'deleted'"
        f" WHERE dataset_key = '{status['dataset_key']}' RETURNING dataset_key"
    )
    ended = hub.wait(hub.submit(body).json()["status_url"])
    assert ended["status"] == "completed", ended["error"]
    assert ended["collection_id"] == status["collection_id"]
    return ended
