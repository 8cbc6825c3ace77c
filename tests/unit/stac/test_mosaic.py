"""The STAC collection of a mosaic, and the items of its parts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rasterio.transform import from_origin

from core.errors import ContractViolation, TaskCancelled
from core.task_models.raster import LegendEntry, Rendering
from core.task_models.raster_mosaic import MosaicPart
from core.task_models.raster_stac import StacItemsResult
from services.stac.elements import CLASSIFICATION
from services.stac.items_mosaic import create_mosaic_stac
from tests.blobs import DirectoryBlobStore, Surroundings, surroundings
from tests.unit.stac import summaries
from tests.unit.stac.judges import assert_valid


class Desk:
    """The task with a directory as storage."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.storage = DirectoryBlobStore(root / "blobs")

    def describe(
        self,
        parts: list[MosaicPart],
        *,
        around: Surroundings | None = None,
        count: int | None = None,
        rendering: Rendering | None = None,
        of: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> tuple[StacItemsResult, list[dict[str, Any]]]:
        """The result and the items; `of` is what the parts have in common."""
        mosaic = summaries.mosaic(count or len(parts), **(of or {}))
        if rendering is not None:
            mosaic = mosaic.model_copy(update={"rendering": rendering})
        lines = "".join(part.model_dump_json() + "\n" for part in parts)
        self.storage.put(mosaic.parts_uri, lines.encode())
        around = around or surroundings(self.root / "work", self.storage)
        result = create_mosaic_stac(summaries.mosaic_parameters(mosaic, **changes), around.context)
        written = b"".join(self.storage.open_range(result.items_uri)).decode()
        return result, [json.loads(line) for line in written.splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def tiles(number: int) -> list[MosaicPart]:
    return [
        summaries.part(f"tile_{column:04}", transform=from_origin(500_000 + 640 * column, 5_300_000, 10, 10))
        for column in range(number)
    ]


def test_classes_are_told_once_for_all_and_with_each_part(desk: Desk) -> None:
    look = Rendering(
        colormap={1: (0, 0, 9, 255)}, legend=(LegendEntry(value=1, color=(0, 0, 9, 255), label="water"),)
    )
    result, items = desk.describe(tiles(2), rendering=look)
    classes = [{"value": 1, "name": "water", "title": "water", "color_hint": "000009"}]
    for document in (result.collection, *items):
        assert_valid(document)
        assert CLASSIFICATION in document["stac_extensions"]
    for band in (
        *result.collection["summaries"]["raster:bands"],
        *result.collection["item_assets"]["data"]["raster:bands"],
        *(band for item in items for band in item["assets"]["data"]["raster:bands"]),
    ):
        assert band["classification:classes"] == classes


def test_the_documents_are_valid(desk: Desk) -> None:
    result, items = desk.describe(tiles(3))
    assert_valid(result.collection)
    for item in items:
        assert_valid(item)
    assert result.item_count == len(items) == 3
    assert [item["id"] for item in items] == ["tile_0000", "tile_0001", "tile_0002"]
    assert {item["collection"] for item in items} == {result.collection["id"]} == {"d_1"}


def test_the_collection_tells_where_when_and_how(desk: Desk) -> None:
    result, items = desk.describe(tiles(2))
    collection, mosaic = result.collection, summaries.mosaic(2)
    assert collection["extent"]["spatial"]["bbox"] == [list(mosaic.bbox)]
    catalogued = items[0]["properties"]["datetime"]
    assert collection["extent"]["temporal"]["interval"] == [[catalogued, catalogued]]
    assert collection["summaries"]["proj:code"] == ["EPSG:32633"]
    assert collection["summaries"]["raster:bands"][0]["statistics"]["maximum"] == 9
    assert collection["renders"]["default"]["minmax_zoom"] == [8, 14]
    assert collection["ddh:version_id"] == "v1"
    told = {link["href"] for link in collection["links"]} | {a["href"] for a in collection["assets"].values()}
    assert {url for name, url in summaries.MOSAIC_HREFS.items() if name != "part"} <= told


def test_an_item_tells_of_its_own_part(desk: Desk) -> None:
    parts = tiles(2)
    _, items = desk.describe(parts)
    data = items[1]["assets"]["data"]
    assert data["href"] == "https://geo.example.org/api/platform/data/abc/download/tile_0001.tif"
    assert data["file:checksum"] == "1220" + parts[1].sha256
    assert items[1]["properties"]["proj:bbox"] == list(parts[1].bounds)
    assert items[1]["bbox"][0] > items[0]["bbox"][0]
    assert "ddh:source" not in items[1]["properties"]


def test_without_a_way_to_download_parts_their_blobs_are_named(desk: Desk) -> None:
    hrefs = {name: url for name, url in summaries.MOSAIC_HREFS.items() if name != "part"}
    _, (item,) = desk.describe(tiles(1), hrefs=hrefs)
    assert item["assets"]["data"]["href"] == "azure://silver/rasters/d_1/r1/tile_0000.tif"


def test_files_of_a_collection_tell_their_source_and_its_time(desk: Desk) -> None:
    parts = [
        summaries.part("a", source_uri="azure://bronze/x/a_20240131T101559.tif", measured=True),
        summaries.part("b", source_uri="azure://bronze/x/b_2024-03-01.tif", crs="EPSG:32634"),
    ]
    result, (a, b) = desk.describe(parts)
    for document in (result.collection, a, b):
        assert_valid(document)
    assert a["properties"]["ddh:source"] == "azure://bronze/x/a_20240131T101559.tif"
    assert a["properties"]["datetime"] == "2024-01-31T10:15:59Z"
    assert a["properties"]["ddh:datetime_source"] == "name"
    assert b["properties"]["datetime"] is None
    assert b["properties"]["start_datetime"] == "2024-03-01T00:00:00Z"
    assert result.collection["extent"]["temporal"]["interval"] == [
        ["2024-01-31T10:15:59Z", "2024-03-01T23:59:59Z"]
    ]
    assert result.collection["summaries"]["proj:epsg"] == [32633, 32634]
    assert "statistics" in a["assets"]["data"]["raster:bands"][0]
    assert "statistics" not in b["assets"]["data"]["raster:bands"][0]


def test_the_items_are_announced_as_temporary_before_they_are_made(desk: Desk) -> None:
    around = surroundings(desk.root / "work", desk.storage)
    result, _ = desk.describe(tiles(1), around=around)
    assert around.artefacts.announced == [(result.items_uri, False)]
    assert around.artefacts.temporary == [result.items_uri]


def test_a_list_that_is_cut_off_is_no_mosaic(desk: Desk) -> None:
    with pytest.raises(ContractViolation) as caught:
        desk.describe(tiles(2), count=3)
    assert caught.value.code == "PARTS_INVALID"


def test_it_can_be_cancelled_on_the_way(desk: Desk) -> None:
    around = surroundings(desk.root / "work", desk.storage, cancel_at=0.4)
    with pytest.raises(TaskCancelled):
        desk.describe(tiles(250), around=around)
    assert around.artefacts.announced == []


def several(desk: Desk, *, crossing: bool = False) -> tuple[StacItemsResult, list[dict[str, Any]]]:
    """A mosaic of pictures and one of heights, which lies beside it or across the antimeridian."""
    colors: dict[str, Any] = {"bands": 3, "colors": ("red", "green", "blue")}
    place: dict[str, Any] = (
        {"crs": "EPSG:32660", "transform": from_origin(721_000, 5_300_000, 100, 100)} if crossing else {}
    )
    pictures = [summaries.part(f"rgb_{n}", **colors) for n in range(2)]
    heights = summaries.mosaic(1, dtype="float32", nodata=-9999, **place).model_copy(
        update={"parts_uri": "azure://silver/rasters/d_1/r1/parts-1.jsonl", "minzoom": 5}
    )
    part = summaries.part("dem", dtype="float32", **place)
    desk.storage.put(heights.parts_uri, f"{part.model_dump_json()}\n".encode())
    beside = {
        "name": "d_1_m2",
        "title": "Heights",
        "summary": heights.model_dump(mode="json"),
        "hrefs": {name: url.replace("d_1", "d_1_m2") for name, url in summaries.MOSAIC_HREFS.items()},
    }
    return desk.describe(pictures, others=[beside], of=colors)


def test_several_mosaics_are_one_collection(desk: Desk) -> None:
    result, items = several(desk)
    for document in (result.collection, *items):
        assert_valid(document)
    assert [(item["id"], item["properties"]["ddh:mosaic"]) for item in items] == [
        ("rgb_0", "d_1"),
        ("rgb_1", "d_1"),
        ("dem", "d_1_m2"),
    ]
    assert result.item_count == result.collection["ddh:part_count"] == 3
    assert result.collection["ddh:mosaics"] == ["d_1", "d_1_m2"]


def test_what_is_of_one_mosaic_only_is_told_as_such(desk: Desk) -> None:
    result, items = several(desk)
    collection = result.collection
    assert "raster:bands" not in collection["summaries"], "they are not those of all parts"
    assert "raster:bands" not in collection["item_assets"]["data"]
    kinds = [[band["data_type"] for band in item["assets"]["data"]["raster:bands"]] for item in items]
    assert kinds == [["uint8"] * 3, ["uint8"] * 3, ["float32"]]
    assert [item["links"][-1]["href"].rpartition("=")[2] for item in items] == ["d_1", "d_1", "d_1_m2"]
    assert collection["assets"]["tilejson"]["href"].endswith("/d_1/WebMercatorQuad/tilejson.json")
    assert collection["assets"]["tilejson_m2"]["href"].endswith("/d_1_m2/WebMercatorQuad/tilejson.json")
    assert [look["minmax_zoom"] for look in collection["renders"].values()] == [[8, 14], [5, 14]]
    maps = [link for link in collection["links"] if link["rel"] == "xyz"]
    assert [link["render"] for link in maps] == list(collection["renders"]) == ["default", "default_m2"]


@pytest.mark.parametrize("crossing", [False, True])
def test_the_first_box_holds_those_of_all_mosaics(desk: Desk, crossing: bool) -> None:
    result, _ = several(desk, crossing=crossing)
    whole, first, second = result.collection["extent"]["spatial"]["bbox"]
    assert (second[0] > second[2]) is crossing
    assert (whole[0], whole[2]) == (
        (-180, 180) if crossing else (min(first[0], second[0]), max(first[2], second[2]))
    )
    assert (whole[1], whole[3]) == (min(first[1], second[1]), max(first[3], second[3]))
