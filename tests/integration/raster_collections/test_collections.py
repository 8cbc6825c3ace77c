"""A folder of rasters becomes a mosaic: the real jobs, on real blob storage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine, from_origin

from core.errors import AppError
from core.task_models.raster import RasterClass
from core.task_models.raster_collection import ValidateRasterCollectionResult
from core.task_models.raster_mosaic import MosaicPart, MosaicResult
from services.raster.json_lines import read_lines
from tests.jobs_in_process import JobRun
from tests.raster_zones import Zones
from tests.rasters import write_geotiff
from tests.tiff_bytes import GDAL_METADATA, Tag, TiffBytes

SIDE = 80
WEST, NORTH = 500_000.0, 5_300_000.0


def relief(column: int, row: int) -> np.ndarray:
    """One tile of a surface that goes on from tile to tile, in metres."""
    x = np.arange(SIDE)[None, :] + column * SIDE
    y = np.arange(SIDE)[:, None] + row * SIDE
    surface: np.ndarray = (800 + 3 * x + 200 * np.sin(y / 40)).astype("int16")[None]
    return surface


@dataclass
class Folder:
    """A folder of sources, and what the jobs make of it."""

    zones: Zones
    directory: Path
    job: JobRun
    tiles: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return f"azure://{self.zones.storage.bronze}/dem"

    def put(self, name: str, *, column: int = 0, row: int = 0, **options: Any) -> None:
        """A tile at its place in the grid."""
        grid = from_origin(WEST + column * SIDE * 10, NORTH - row * SIDE * 10, 10, 10)
        shape = {"width": SIDE, "height": SIDE, "dtype": "int16", "transform": grid}
        options = {**shape, "data": relief(column, row), **options}
        path = write_geotiff(self.directory / Path(name).name, **options)
        self.zones.upload(path, f"dem/{name}")
        self.tiles[Path(name).stem] = options["data"]

    def put_grid(self, columns: int = 3, rows: int = 2) -> None:
        for row in range(rows):
            for column in range(columns):
                self.put(f"n{row}/dem_{row}_{column}.tif", column=column, row=row)

    def put_bytes(self, name: str, content: bytes) -> None:
        path = self.directory / Path(name).name
        path.write_bytes(content)
        self.zones.upload(path, f"dem/{name}")

    def validate(self, **parameters: Any) -> ValidateRasterCollectionResult:
        given = {"sources": {"prefix": self.uri}, "target_prefix": self.zones.target("d_1/r1")}
        result = self.job.run("validate_raster_collection", given | parameters)
        return ValidateRasterCollectionResult.model_validate(result)

    def process(self, validated: ValidateRasterCollectionResult, **parameters: Any) -> dict[str, Any]:
        given = {
            "files_uri": validated.files_uri,
            "classification": validated.classification,
            "target_prefix": self.zones.target("d_1/r1"),
        }
        return self.job.run("process_raster_collection", given | parameters)

    def mosaic(self, processed: Mapping[str, Any], **parameters: Any) -> MosaicResult:
        given = {name: processed[name] for name in ("parts_uri", "part_count", "missing", "missing_count")}
        given["target_prefix"] = self.zones.target("d_1/r1")
        return MosaicResult.model_validate(self.job.run("create_mosaic_json", given | parameters))

    def parts(self, parts_uri: str) -> list[MosaicPart]:
        return list(read_lines(self.zones.blobs, parts_uri, MosaicPart))

    def published(self) -> tuple[set[str], set[str]]:
        """The blobs that the tasks announced: those to keep, and the temporary ones."""
        everything, temporary = set[str](), set[str]()
        for attempt in self.job.attempts:
            everything |= {uri for uri, _ in attempt.artefacts.announced}
            temporary |= set(attempt.artefacts.temporary)
        return everything - temporary, temporary


@pytest.fixture
def folder(zones: Zones, tmp_path: Path) -> Folder:
    (tmp_path / "sources").mkdir()
    return Folder(zones, tmp_path / "sources", JobRun(tmp_path / "work", zones.blobs))


def refusal(call: Callable[[], object]) -> AppError:
    with pytest.raises(AppError) as caught:
        call()
    assert caught.value.remedy
    return caught.value


def test_a_folder_becomes_a_mosaic(folder: Folder, tmp_path: Path) -> None:
    folder.put_grid()
    folder.put_bytes("n0/dem_0_0.tif.aux.xml", b"<PAMDataset/>")
    folder.put_bytes("readme.txt", b"Heights in metres.")
    validated = folder.validate()
    assert (validated.file_count, validated.refused_count) == (6, 0)
    assert validated.classification is RasterClass.DEM
    (finding,) = validated.findings
    assert (finding.code, finding.context["file_count"]) == ("COLLECTION_FILES_IGNORED", 2)
    (group,) = validated.groups
    assert (group.file_count, group.traits.crs, group.traits.resolution) == (6, "EPSG:32633", (10.0, 10.0))

    processed = folder.process(validated)
    parts = folder.parts(processed["parts_uri"])
    assert [part.name for part in parts] == sorted(folder.tiles)
    assert processed["total_bytes"] == sum(part.size_bytes for part in parts)
    for part in parts:
        with rasterio.open(folder.zones.download(part.blob_uri, tmp_path / f"{part.name}.tif")) as cog:
            assert np.array_equal(cog.read(), folder.tiles[part.name])
            assert tuple(cog.bounds) == part.bounds
            assert tuple(cog.transform)[:6] == part.transform

    mosaic = folder.mosaic(processed)
    assert (mosaic.part_count, mosaic.width, mosaic.height) == (6, 3 * SIDE, 2 * SIDE)
    kept, temporary = folder.published()
    whole = {processed["parts_uri"], mosaic.mosaic_uri, mosaic.overview_uri}
    assert kept == {part.blob_uri for part in parts} | whole
    assert validated.files_uri in temporary
    there = {blob.uri for blob in folder.zones.blobs.list_blobs(folder.zones.storage.silver)}
    assert there == kept | temporary, "nothing is made that was not announced"


def cover(first: str) -> bytes:
    """Classes 1 and 5, 64 x 48, with an attribute table of its own that names them."""
    table = (
        "<GDALMetadata><Item name='DEFAULT_RASTER_ATTRIBUTE_TABLE' sample='0' role='rat'>"
        "<GDALRasterAttributeTable>"
        "<FieldDefn index='0'><Name>Value</Name><Type>0</Type><Usage>5</Usage></FieldDefn>"
        "<FieldDefn index='1'><Name>Class</Name><Type>2</Type><Usage>2</Usage></FieldDefn>"
        f"<Row index='0'><F>1</F><F>{first}</F></Row><Row index='1'><F>5</F><F>forest</F></Row>"
        "</GDALRasterAttributeTable></Item></GDALMetadata>\0"
    )
    tag = Tag("s", table.encode())
    return TiffBytes(blocks=[bytes([1, 1, 5, 5] * 16) * 48], tags={GDAL_METADATA: tag}).build()


def test_the_names_of_classes_come_from_the_files(folder: Folder) -> None:
    folder.put_bytes("a.tif", cover("water"))
    folder.put_bytes("b.tif", cover("lake"))
    validated = folder.validate()
    assert validated.classification is RasterClass.CATEGORICAL
    assert [(each.value, each.name) for each in validated.classes] == [(1, "water"), (5, "forest")]
    (finding,) = validated.findings
    assert (finding.code, finding.context["values"]) == ("COLLECTION_MIXED_CLASS_NAMES", [1])
    classes = [each.model_dump(mode="json") for each in validated.classes]
    mosaic = folder.mosaic(
        folder.process(validated), classification=validated.classification, classes=classes
    )
    assert [(entry.value, entry.label) for entry in mosaic.rendering.legend] == [(1, "water"), (5, "forest")]


def test_the_overview_of_a_mosaic_is_drawn_into_a_cache(folder: Folder) -> None:
    folder.put_grid(2, 2)
    mosaic = folder.mosaic(folder.process(folder.validate()))
    cache = folder.job.run(
        "generate_tile_cache",
        {
            "mosaic_uri": mosaic.mosaic_uri,
            "overview_uri": mosaic.overview_uri,
            "rendering": mosaic.rendering.model_dump(mode="json"),
            "target_prefix": folder.zones.target("d_1/r1"),
        },
    )
    assert cache["minzoom"] == 0
    assert cache["tile_count"] >= cache["maxzoom"] + 1
    first = b"".join(folder.zones.blobs.open_range(cache["tile_cache_uri"], start=0, length=8))
    assert first == b"PMTiles\x03"
    assert cache["tile_cache_uri"] in folder.published()[0]


def test_a_tile_that_looks_like_classes_is_treated_like_the_others(folder: Folder) -> None:
    """A tile of sea has one value; by itself it would be classes, with overviews by mode."""
    folder.put_grid(3, 1)
    folder.put("sea.tif", column=3, data=np.zeros((1, SIDE, SIDE), "int16"))
    validated = folder.validate()
    assert validated.classification is RasterClass.DEM
    assert "COLLECTION_MIXED_CLASSES" in {finding.code for finding in validated.findings}
    folder.process(validated, options={"overview_resampling": "average"})


def test_all_that_is_wrong_is_said_at_once(folder: Folder) -> None:
    folder.put_grid(2, 1)
    folder.put("nowhere.tif", crs=None)
    folder.put_bytes("broken.tif", b"II*\0 and then nothing")
    error = refusal(folder.validate)
    assert error.code == "COLLECTION_FILES_REFUSED"
    assert error.context["refused_count"] == 2
    assert {each["file"]: each["code"] for each in error.context["refused"]} == {
        "broken": "RASTER_UNREADABLE",
        "nowhere": "CRS_MISSING",
    }


def test_files_may_be_left_out_as_far_as_the_client_allows(folder: Folder) -> None:
    folder.put_grid(3, 1)
    folder.put("nowhere.tif", crs=None)
    validated = folder.validate(max_failed_fraction=0.25)
    assert (validated.file_count, validated.refused_count) == (3, 1)
    assert [each.name for each in validated.refused] == ["nowhere"]
    assert validated.warnings
    assert folder.process(validated)["part_count"] == 3
    assert refusal(lambda: folder.validate(max_failed_fraction=0.2)).code == "COLLECTION_FILES_REFUSED"


def test_a_file_that_was_replaced_meanwhile_is_a_hole_or_an_end(folder: Folder) -> None:
    folder.put_grid(2, 2)
    validated = folder.validate()
    uri = f"azure://{folder.zones.storage.bronze}/dem/n0/dem_0_1.tif"
    folder.zones.clients.delete(uri)
    folder.put("n0/dem_0_1.tif", column=1, data=relief(5, 5))
    assert refusal(lambda: folder.process(validated)).code == "SOURCE_CHANGED"

    processed = folder.process(validated, max_failed_fraction=0.25)
    assert (processed["part_count"], processed["missing_count"]) == (3, 1)
    assert processed["missing"] == [{"name": "dem_0_1", "code": "SOURCE_CHANGED", "bbox": None}]
    assert folder.mosaic(processed).missing_count == 1


def test_not_a_single_cog_is_no_collection(folder: Folder) -> None:
    folder.put_grid(1, 1)
    validated = folder.validate()
    folder.zones.clients.delete(f"azure://{folder.zones.storage.bronze}/dem/n0/dem_0_0.tif")
    assert refusal(lambda: folder.process(validated, max_failed_fraction=1)).code == "COLLECTION_EMPTY"


OTHERS = {
    "COLLECTION_BAND_MISMATCH": {"bands": 2, "data": np.ones((2, SIDE, SIDE), "int16")},
    "COLLECTION_DTYPE_MISMATCH": {"dtype": "float32", "data": relief(2, 0).astype("float32") + 0.5},
    "COLLECTION_CRS_MISMATCH": {"crs": "EPSG:32634"},
    "COLLECTION_RESOLUTION_MISMATCH": {"transform": Affine(20, 0, WEST, 0, -20, NORTH)},
}


@pytest.mark.parametrize(("code", "options"), OTHERS.items())
def test_files_that_do_not_agree_are_named(folder: Folder, code: str, options: dict[str, Any]) -> None:
    folder.put_grid(2, 1)
    folder.put("other.tif", column=2, **options)
    error = refusal(folder.validate)
    assert error.code == code
    assert error.context["files"] == ["other"]


def test_two_zones_in_one_mosaic_when_the_client_says_so(folder: Folder) -> None:
    folder.put_grid(2, 1)
    folder.put("other.tif", crs="EPSG:32634")
    validated = folder.validate(on_mixed="groups")
    assert [group.traits.crs for group in validated.groups] == ["EPSG:32633", "EPSG:32634"]
    assert "COLLECTION_MIXED_CRS" in {finding.code for finding in validated.findings}
    processed = folder.process(validated)
    crs = {part.name: part.crs for part in folder.parts(processed["parts_uri"])}
    assert crs == {"dem_0_0": "EPSG:32633", "dem_0_1": "EPSG:32633", "other": "EPSG:32634"}
    assert folder.mosaic(processed).part_count == 3


def test_each_kind_of_files_becomes_a_mosaic_of_its_own(folder: Folder, tmp_path: Path) -> None:
    """Pictures among heights: each kind is written as what it is."""
    folder.put_grid(3, 1)
    rows = np.arange(SIDE)[:, None] % 256
    picture = np.stack([np.broadcast_to(rows + band, (SIDE, SIDE)) for band in (0, 40, 80)]).astype("uint8")
    for column in range(2):
        folder.put(f"a_picture_{column}.tif", column=column, bands=3, dtype="uint8", data=picture)
    validated = folder.validate(on_mixed="split")
    assert [(each.file_count, each.classification) for each in validated.mosaics] == [
        (3, RasterClass.DEM),
        (2, RasterClass.RGB),
    ]
    assert validated.classification is RasterClass.DEM
    assert [(group.number, group.mosaic) for group in validated.groups] == [(0, 0), (1, 1)]
    (finding,) = (each for each in validated.findings if each.code == "COLLECTION_SPLIT")
    assert [each["file_count"] for each in finding.context["mosaics"]] == [3, 2]

    mosaics = [each.model_dump(mode="json") for each in validated.mosaics]
    first = folder.process(validated, mosaics=mosaics)
    (second,) = first["others"]
    names = [[part.name for part in folder.parts(each["parts_uri"])] for each in (first, second)]
    assert names == [["dem_0_0", "dem_0_1", "dem_0_2"], ["a_picture_0", "a_picture_1"]]
    asked = {
        "parts_uri": second["parts_uri"],
        "target_prefix": folder.zones.target("d_1/r1"),
        "classification": "rgb",
    }
    made = folder.job.run(
        "create_mosaic_json",
        {
            "parts_uri": first["parts_uri"],
            "target_prefix": folder.zones.target("d_1/r1"),
            "classification": "dem",
            "others": [asked],
        },
    )
    (beside,) = made.pop("others")
    heights, pictures = MosaicResult.model_validate(made), MosaicResult.model_validate(beside)
    assert (heights.part_count, heights.rendering.colormap_name) == (3, "terrain")
    assert (pictures.part_count, pictures.rendering.bidx) == (2, (1, 2, 3))
    kept, _ = folder.published()
    assert {heights.mosaic_uri, heights.overview_uri, pictures.mosaic_uri, pictures.overview_uri} <= kept
    with rasterio.open(folder.zones.download(str(pictures.overview_uri), tmp_path / "overview.tif")) as cog:
        assert cog.count == 3


def test_files_that_agree_are_one_mosaic_with_any_policy(folder: Folder) -> None:
    folder.put_grid(2, 1)
    plain, split = (folder.validate(on_mixed=policy) for policy in ("error", "split"))
    assert split.mosaics == ()
    assert split.model_copy(update={"files_uri": plain.files_uri}) == plain


def test_two_zones_are_brought_to_one_crs_when_the_client_names_it(folder: Folder) -> None:
    folder.put_grid(2, 1)
    folder.put("other.tif", crs="EPSG:32634")
    options = {"target_crs": "EPSG:3857", "target_resolution": 15}
    validated = folder.validate(options=options)
    assert not validated.warnings
    processed = folder.process(validated, options=options)
    assert {part.crs for part in folder.parts(processed["parts_uri"])} == {"EPSG:3857"}


def test_names_and_patterns(folder: Folder) -> None:
    folder.put_grid(3, 2)
    assert folder.validate(sources={"pattern": f"{folder.uri}/*/dem_?_0.tif"}).file_count == 2
    paths = [f"{folder.uri}/n1/dem_1_1.tif", f"{folder.uri}/n0/dem_0_2.tif"]
    validated = folder.validate(sources={"paths": paths})
    assert [part.source_uri for part in folder.parts(folder.process(validated)["parts_uri"])] == paths[::-1]
