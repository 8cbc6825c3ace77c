"""Downloads of published datasets."""

import hashlib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.errors import NotFound
from core.task_models.vector_export import ExportedFile, ExportFormat
from geo_platform.exports import Export
from infrastructure.blob import AzureBlobStore
from infrastructure.blob_signing import BlobUrlSigner
from infrastructure.storage_account import StorageAccount
from tests.integration.serving import cogs, mosaics
from tests.integration.serving.functions_client import BASE_URL, FunctionsClient
from tests.integration.serving.publications import create_squares, insert_request, publish, publish_squares
from tests.stack_fixtures.storage import Storage
from triggers.serving.config import ServingConfig

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Known:
    """The state of a request, as the Platform's status gives it."""

    request_id: str
    status: str


@pytest.fixture
def config(serving_config: ServingConfig, app_connection: Connection) -> ServingConfig:
    """Requests are looked up in the database by the application's role."""

    def find(request_id: str) -> Known:
        row = app_connection.execute(
            "SELECT request_id, status FROM platform.requests WHERE request_id = %s", (request_id,)
        ).fetchone()
        if row is None:
            raise NotFound("There is no request with this id.", code="REQUEST_NOT_FOUND")
        return Known(*row)

    return replace(serving_config, find_request=find)


@pytest.fixture
def worker(config: ServingConfig) -> Iterator[FunctionsClient]:
    with FunctionsClient(config) as running:
        yield running


def path_of(request_id: str) -> str:
    return f"/api/platform/data/{request_id}/download"


class Files:
    """Exports as a Platform would tell of them, one after the other; the last one stays."""

    def __init__(self, *told: Export) -> None:
        self._told = list(told)
        self.asked: list[tuple[ExportFormat, str, bool]] = []

    def __call__(
        self, request_id: str, kind: ExportFormat, *, collection_id: str = "", again: bool = False
    ) -> Export:
        self.asked.append((kind, collection_id, again))
        return self._told.pop(0) if len(self._told) > 1 else self._told[0]


def ready(storage: Storage, tmp_path: Path, content: bytes) -> Export:
    """A file that is there."""
    (tmp_path / "squares.gpkg").write_bytes(content)
    file = ExportedFile(
        format=ExportFormat.GEOPACKAGE,
        blob_uri=cogs.upload(
            storage, tmp_path / "squares.gpkg", "vectors/squares/r1/exports/a1/squares.gpkg"
        ),
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="application/geopackage+sqlite3",
        feature_count=3,
    )
    return Export("e1", ExportFormat.GEOPACKAGE, share=1.0, file=file)


BEING_MADE = Export("e1", ExportFormat.GEOPACKAGE, share=0.4)


def test_a_table_comes_as_the_file_that_was_made_of_it(
    blob_config: ServingConfig, storage: Storage, app_connection: Connection, tmp_path: Path
) -> None:
    content = b"SQLite format 3" + bytes(range(256))
    files = Files(BEING_MADE, ready(storage, tmp_path, content))
    request_id = publish_squares(app_connection, "squares")
    path = path_of(request_id) + "?f=gpkg"
    with FunctionsClient(replace(blob_config, exports=files)) as worker:
        answer = worker.get(path)
        etag = answer.headers["etag"]
        part = worker.get(path, {"range": "bytes=10-19", "if-range": etag})
        head = worker.call("HEAD", path)
        same = worker.get(path, {"if-none-match": etag})
        unprefixed = worker.get(path.removeprefix("/api"))
    assert (answer.status, answer.type, answer.body) == (200, "application/geopackage+sqlite3", content)
    assert answer.headers["content-disposition"] == 'attachment; filename="squares.gpkg"'
    assert etag == f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    assert (part.status, part.body) == (206, content[10:20])
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(content)))
    assert (same.status, same.body) == (304, b"")
    assert unprefixed.body == content
    assert files.asked[0] == (ExportFormat.GEOPACKAGE, "", False)


def test_a_file_that_takes_long_is_promised(config: ServingConfig, app_connection: Connection) -> None:
    request_id = publish_squares(app_connection, "squares")
    files = Files(BEING_MADE)
    path = path_of(request_id) + "?f=gpkg&collection=squares"
    with FunctionsClient(replace(config, exports=files, export_wait_seconds=0)) as worker:
        answer = worker.get(path)
    assert (answer.status, answer.headers["retry-after"]) == (202, "5")
    told = answer.json
    assert (told["status"], told["progress_percent"], told["format"]) == ("processing", 40, "gpkg")
    assert told["links"] == [{"rel": "self", "href": BASE_URL + path}]
    assert files.asked[0] == (ExportFormat.GEOPACKAGE, "squares", False)


@pytest.mark.parametrize(
    ("error_class", "status"), [("permanent", 422), ("transient", 503), ("unknown", 503)]
)
def test_a_file_that_cannot_be_made_says_why(
    config: ServingConfig, app_connection: Connection, error_class: str, status: int
) -> None:
    request_id = publish_squares(app_connection, "squares")
    error = {"code": "FORMAT_LIMIT", "message": "Too many columns.", "error_class": error_class}
    files = Files(Export("e1", ExportFormat.SHAPEFILE, error=error))
    with FunctionsClient(replace(config, exports=files)) as worker:
        answer = worker.get(path_of(request_id) + "?f=shp")
        [link] = answer.json["links"]
        worker.get(link["href"].removeprefix(BASE_URL))
    assert (answer.status, answer.json["code"]) == (status, "FORMAT_LIMIT")
    assert files.asked[-1] == (ExportFormat.SHAPEFILE, "", True)


def test_rejected_features_are_a_file_of_their_own(
    blob_worker: FunctionsClient, storage: Storage, app_connection: Connection, tmp_path: Path
) -> None:
    (tmp_path / "rejects.gpkg").write_bytes(b"rejects")
    uri = cogs.upload(storage, tmp_path / "rejects.gpkg", "vectors/squares/r1/rejects.gpkg")
    create_squares(app_connection, "squares")
    locations = {"table": "squares", "rejects": uri}
    request_id = publish(app_connection, "squares", locations=locations, characteristics={})
    other = publish_squares(app_connection, "whole")
    answer = blob_worker.get(path_of(request_id) + "?f=rejects")
    none = blob_worker.get(path_of(other) + "?f=rejects")
    assert (answer.status, answer.body) == (200, b"rejects")
    assert answer.headers["content-disposition"] == 'attachment; filename="squares_rejects.gpkg"'
    assert (none.status, none.json["field_errors"][0]["loc"]) == (422, "query.f")


def test_what_was_replaced_is_gone_and_the_new_is_there(
    config: ServingConfig, app_connection: Connection
) -> None:
    old = publish_squares(app_connection, "squares")
    new = publish(app_connection, "squares", locations={"table": "squares"}, characteristics={}, revision=2)
    with FunctionsClient(replace(config, exports=Files(BEING_MADE), export_wait_seconds=0)) as worker:
        gone, there = worker.get(path_of(old)), worker.get(path_of(new))
    assert (gone.status, gone.json["code"]) == (410, "GONE")
    assert there.status == 202


def test_unpublished_requests_are_told_apart_from_unknown_ones(
    worker: FunctionsClient, app_connection: Connection
) -> None:
    publish_squares(app_connection, "squares")
    pending = "a" * 32
    key = hashlib.sha256(b"squares").hexdigest()
    insert_request(app_connection, key, request_id=pending, revision=2, status="processing")
    not_ready = worker.get(path_of(pending))
    assert (not_ready.status, not_ready.json["code"]) == (409, "NOT_READY")
    unknown = worker.get(path_of("b" * 32))
    assert (unknown.status, unknown.json["code"]) == (404, "REQUEST_NOT_FOUND")


def test_formats_that_are_not_there_are_named(worker: FunctionsClient, app_connection: Connection) -> None:
    request_id = publish_squares(app_connection, "squares")
    answer = worker.get(path_of(request_id) + "?f=dwg")
    assert (answer.status, answer.json["field_errors"][0]["loc"]) == (422, "query.f")


# -- COGs -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Published:
    """A published COG: its address, its bytes, and a configuration that serves it."""

    path: str
    content: bytes
    config: ServingConfig


@pytest.fixture
def cog(config: ServingConfig, storage: Storage, app_connection: Connection, tmp_path: Path) -> Published:
    cogs.write_cog(tmp_path / "heights.tif", cogs.elevation(), nodata=-9999)
    uri = cogs.upload(storage, tmp_path / "heights.tif", "rasters/heights/r1/cog.tif")
    request_id = publish(
        app_connection, "heights", locations={"blob": uri}, characteristics={}, data_type="raster"
    )
    content = (tmp_path / "heights.tif").read_bytes()
    account = StorageAccount(connection_string=storage.connection_string)
    blobs = AzureBlobStore(account, readable=frozenset({storage.silver}))
    served = replace(config, blobs=blobs, signer=BlobUrlSigner(account))
    return Published(path_of(request_id), content, served)


@pytest.fixture
def cog_worker(cog: Published) -> Iterator[FunctionsClient]:
    with FunctionsClient(cog.config) as running:
        yield running


def test_a_raster_comes_as_its_cog(cog_worker: FunctionsClient, cog: Published) -> None:
    answer = cog_worker.get(cog.path)
    assert (answer.status, answer.body) == (200, cog.content)
    assert answer.type == "image/tiff"
    assert answer.headers["content-disposition"] == 'attachment; filename="heights.tif"'
    assert answer.headers["accept-ranges"] == "bytes"
    again = cog_worker.get(cog.path, {"if-none-match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    head = cog_worker.call("HEAD", cog.path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(cog.content)))


@pytest.mark.parametrize(
    ("asked", "start", "stop"), [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None)]
)
def test_ranges_are_parts_of_the_file(
    cog_worker: FunctionsClient, cog: Published, asked: str, start: int, stop: int | None
) -> None:
    answer = cog_worker.get(cog.path, {"range": asked})
    expected = cog.content[start:stop]
    first = start % len(cog.content)
    assert (answer.status, answer.body) == (206, expected)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(cog.content)}"


def test_ranges_outside_and_ranges_of_other_versions(cog_worker: FunctionsClient, cog: Published) -> None:
    outside = cog_worker.get(cog.path, {"range": "bytes=99999999-"})
    assert (outside.status, outside.json["code"]) == (416, "RANGE_NOT_SATISFIABLE")
    assert outside.headers["content-range"] == f"bytes */{len(cog.content)}"
    other = cog_worker.get(cog.path, {"range": "bytes=0-9", "if-range": '"another"'})
    assert (other.status, len(other.body)) == (200, len(cog.content))


def test_a_large_cog_is_left_to_the_store(cog: Published) -> None:
    with FunctionsClient(replace(cog.config, max_body_bytes=1000)) as worker:
        answer = worker.get(cog.path)
        assert (answer.status, answer.headers["cache-control"]) == (302, "no-store")
        with urllib.request.urlopen(answer.headers["location"]) as response:
            assert response.read() == cog.content
            assert "heights.tif" in response.headers["content-disposition"]
        part = worker.get(cog.path, {"range": "bytes=0-"})
        assert (part.status, part.body) == (206, cog.content[:1000])


# -- Files of a raster by name --------------------------------------------------------------------


@pytest.fixture
def blob_config(config: ServingConfig, storage: Storage) -> ServingConfig:
    account = StorageAccount(connection_string=storage.connection_string)
    blobs = AzureBlobStore(account, readable=frozenset({storage.silver}))
    return replace(config, blobs=blobs, signer=BlobUrlSigner(account))


@pytest.fixture
def blob_worker(blob_config: ServingConfig) -> Iterator[FunctionsClient]:
    with FunctionsClient(blob_config) as running:
        yield running


def test_a_mosaic_comes_as_its_overview_its_document_and_its_parts(
    blob_worker: FunctionsClient, storage: Storage, app_connection: Connection, tmp_path: Path
) -> None:
    scene = mosaics.terrain()
    stored = mosaics.store_mosaic(storage, tmp_path, mosaics.cut_into_parts(scene), whole=scene)
    request_id = publish(
        app_connection, "hills", locations=stored.locations, characteristics=stored.characteristics,
        data_type="raster",
    )  # fmt: skip
    path = path_of(request_id)
    overview = blob_worker.get(path)
    assert overview.body == (tmp_path / "overview.tif").read_bytes()
    assert blob_worker.get(f"{path}?f=cog").body == overview.body
    document = blob_worker.get(f"{path}?f=mosaicjson")
    assert document.headers["content-disposition"] == 'attachment; filename="hills.json"'
    assert f"{BASE_URL}{path}/part_0_1.tif" in document.json["tiles"]["0"]
    content = (tmp_path / "part_0_1.tif").read_bytes()
    for name in ("part_0_1", "part_0_1.tif"):
        part = blob_worker.get(f"{path}/{name}")
        assert (part.status, part.body) == (200, content)
        assert part.headers["content-disposition"] == 'attachment; filename="hills_part_0_1.tif"'
    piece = blob_worker.get(f"{path}/part_0_1", {"range": "bytes=10-19"})
    assert (piece.status, piece.body) == (206, content[10:20])
    head = blob_worker.call("HEAD", f"{path}/part_0_1")
    assert (head.status, head.headers["content-length"]) == (200, str(len(content)))
    for wrong in ("part_9_9", "part_0_1.png", "overview", ".."):
        answer = blob_worker.get(f"{path}/{wrong}")
        assert (answer.status, answer.json["code"]) == (404, "FILE_NOT_FOUND")
    refused = blob_worker.get(f"{path}?f=pmtiles")
    assert (refused.status, refused.json["field_errors"][0]["msg"]) == (422, "must be one of cog, mosaicjson")


def test_products_and_drawn_tiles_come_by_name(
    blob_worker: FunctionsClient, storage: Storage, app_connection: Connection, tmp_path: Path
) -> None:
    uris = {}
    for name in ("data.tif", "shade.tif", "lines.gpkg", "low.pmtiles"):
        (tmp_path / name).write_bytes(name.encode())
        uris[name] = cogs.upload(storage, tmp_path / name, f"rasters/{name}")
    locations = {
        "blob": uris["data.tif"],
        "tile_cache": uris["low.pmtiles"],
        "products": {"hillshade": uris["shade.tif"], "contours": uris["lines.gpkg"]},
    }
    request_id = publish(app_connection, "hills", locations=locations, characteristics={}, data_type="raster")
    path = path_of(request_id)
    for query, body, filename, media_type in (
        ("", b"data.tif", "hills.tif", "image/tiff"),
        ("?f=pmtiles", b"low.pmtiles", "hills.pmtiles", "application/vnd.pmtiles"),
        ("?f=hillshade", b"shade.tif", "hills_hillshade.tif", "image/tiff"),
        ("/hillshade", b"shade.tif", "hills_hillshade.tif", "image/tiff"),
        ("/contours.gpkg", b"lines.gpkg", "hills_contours.gpkg", "application/geopackage+sqlite3"),
    ):
        answer = blob_worker.get(path + query)
        assert (answer.status, answer.body, answer.type) == (200, body, media_type)
        assert answer.headers["content-disposition"] == f'attachment; filename="{filename}"'
    assert blob_worker.get(f"{path}/slope").json["code"] == "FILE_NOT_FOUND"
