"""What every blob store must do: one set of cases, for Azure's service and for the directory in tests."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from core.errors import Conflict, InvalidRequest, NotFound, PermanentTaskError
from core.ports import BlobStore
from infrastructure.blob import AzureBlobStore
from infrastructure.storage_account import StorageAccount
from tests.blobs import DirectoryBlobStore
from tests.stack_fixtures.storage import Storage


@dataclass(frozen=True)
class Case:
    """A store, the names of its zones, and the client's way to put a source there."""

    store: BlobStore
    bronze: str
    silver: str
    put: Callable[[str, bytes], object]


def _azure(storage: Storage) -> Iterator[Case]:
    account = StorageAccount(connection_string=storage.connection_string)
    store = AzureBlobStore(
        account, readable=frozenset({storage.bronze}), writable=frozenset({storage.silver})
    )
    with BlobServiceClient.from_connection_string(storage.connection_string) as client:

        def put(uri: str, content: bytes) -> None:
            container, _, path = uri.removeprefix("azure://").partition("/")
            client.get_blob_client(container, path).upload_blob(content, overwrite=True)

        yield Case(store, storage.bronze, storage.silver, put)
    account.close()


@pytest.fixture(params=["directory", pytest.param("azure", marks=pytest.mark.services)])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "azure":
        yield from _azure(request.getfixturevalue("storage"))
    else:
        store = DirectoryBlobStore(tmp_path / "blobs")
        yield Case(store, "bronze", "silver", store.put)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "local.bin"
    path.write_bytes(b"0123456789")
    return path


def test_info(case: Case) -> None:
    uri = f"azure://{case.bronze}/a/ä b.tif"
    case.put(uri, b"12345")
    info = case.store.info(uri)
    assert (info.uri, info.size_bytes) == (uri, 5)
    assert info.etag
    assert info.last_modified.tzinfo is not None
    assert info.last_modified.astimezone(UTC)


def test_the_short_spelling_names_the_same_blob(case: Case) -> None:
    case.put(f"azure://{case.bronze}/a.tif", b"12345")
    assert case.store.info(f"{case.bronze}/a.tif").uri == f"azure://{case.bronze}/a.tif"


def test_a_missing_blob(case: Case, tmp_path: Path) -> None:
    uri = f"azure://{case.bronze}/none.tif"
    calls: list[Callable[[], object]] = [
        lambda: case.store.info(uri),
        lambda: case.store.download(uri, tmp_path / "x"),
        lambda: case.store.open_range(uri),
    ]
    for call in calls:
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.code == "SOURCE_NOT_FOUND"


@pytest.mark.parametrize("size", [5, 40 * 2**20])
def test_download(case: Case, tmp_path: Path, size: int) -> None:
    """The largest comes in several chunks."""
    uri, content = f"azure://{case.bronze}/a.tif", (b"0123456789abcdef" * (size // 16 + 1))[:size]
    case.put(uri, content)
    info = case.store.download(uri, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == content
    assert info == case.store.info(uri)
    assert info.size_bytes == size


def test_download_of_the_version_asked_for(case: Case, tmp_path: Path) -> None:
    uri = f"azure://{case.bronze}/a.tif"
    case.put(uri, b"first")
    etag = case.store.info(uri).etag
    case.store.download(uri, tmp_path / "x", etag=etag)
    case.store.download(uri, tmp_path / "x", etag=etag.strip('"'))
    case.put(uri, b"second")
    assert case.store.info(uri).etag != etag
    with pytest.raises(PermanentTaskError) as caught:
        case.store.download(uri, tmp_path / "y", etag=etag)
    assert caught.value.code == "SOURCE_CHANGED"


@pytest.mark.parametrize("size", [10, 80 * 2**20])
def test_upload(case: Case, tmp_path: Path, size: int) -> None:
    """The larger one goes in blocks."""
    source, uri = tmp_path / "source", f"azure://{case.silver}/r/1.tif"
    source.write_bytes(b"x" * size)
    info = case.store.upload_new(source, uri, content_type="image/tiff")
    assert info == case.store.info(uri)
    assert (info.uri, info.size_bytes) == (uri, size)


def test_names_are_used_once(case: Case, local: Path, tmp_path: Path) -> None:
    uri = f"azure://{case.silver}/a.tif"
    first = case.store.upload_new(local, uri, content_type="image/tiff")
    with pytest.raises(Conflict) as caught:
        case.store.upload_new(local, uri, content_type="image/tiff")
    assert caught.value.code == "BLOB_EXISTS"
    assert case.store.info(uri) == first


def test_an_upload_in_blocks(case: Case) -> None:
    """In any order, and a block that is sent again counts as it was sent last."""
    uri, blocks = f"azure://{case.silver}/a.tif", [b"01234", b"56789", b"end"]
    upload = case.store.begin_upload(uri, content_type="image/tiff")
    upload.put(2, blocks[2])
    upload.put(0, b"wrong")
    upload.put(1, blocks[1])
    upload.put(0, blocks[0])
    with pytest.raises(NotFound):
        case.store.info(uri)
    md5 = hashlib.md5(b"".join(blocks)).digest()
    info = upload.commit(3, md5=md5)
    assert info == case.store.info(uri)
    assert (info.size_bytes, info.md5, info.content_type) == (13, md5, "image/tiff")
    assert b"".join(case.store.open_range(uri)) == b"0123456789end"


def test_an_upload_in_blocks_does_not_replace(case: Case, local: Path) -> None:
    uri = f"azure://{case.silver}/a.tif"
    first = case.store.upload_new(local, uri, content_type="image/tiff")
    upload = case.store.begin_upload(uri, content_type="image/tiff")
    upload.put(0, b"late")
    with pytest.raises(Conflict) as caught:
        upload.commit(1, md5=hashlib.md5(b"late").digest())
    assert caught.value.code == "BLOB_EXISTS"
    assert case.store.info(uri) == first


def test_two_uploads_of_one_name_do_not_mix(case: Case) -> None:
    """As of two attempts at one task, the first of which has lost its lease and does not know."""
    uri = f"azure://{case.silver}/a.tif"
    one, other = (case.store.begin_upload(uri, content_type="image/tiff") for _ in range(2))
    one.put(0, b"one")
    other.put(0, b"other")
    info = one.commit(1, md5=hashlib.md5(b"one").digest())
    with pytest.raises(Conflict):
        other.commit(1, md5=hashlib.md5(b"other").digest())
    assert b"".join(case.store.open_range(uri)) == b"one"
    assert case.store.info(uri) == info


def test_delete(case: Case, local: Path) -> None:
    uri = f"azure://{case.silver}/a.tif"
    case.store.upload_new(local, uri, content_type="image/tiff")
    assert case.store.delete(uri) is True
    assert case.store.delete(uri) is False
    case.store.upload_new(local, uri, content_type="image/tiff")


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, None, b"0123456789"), (3, 4, b"3456"), (7, None, b"789"), (8, 100, b"89")],
)
def test_ranges(case: Case, local: Path, start: int, length: int | None, expected: bytes) -> None:
    uri = f"azure://{case.silver}/a.tif"
    case.store.upload_new(local, uri, content_type="image/tiff")
    assert b"".join(case.store.open_range(uri, start=start, length=length)) == expected


def test_a_range_behind_the_end(case: Case, local: Path) -> None:
    uri = f"azure://{case.silver}/a.tif"
    case.store.upload_new(local, uri, content_type="image/tiff")
    with pytest.raises(InvalidRequest) as caught:
        case.store.open_range(uri, start=10)
    assert caught.value.code == "RANGE_NOT_SATISFIABLE"


def test_listing(case: Case, local: Path) -> None:
    for path in ("b.tif", "a/2.tif", "a/1 ä.tif", "a.tif", "aa/x.gpkg"):
        case.store.upload_new(local, f"azure://{case.silver}/{path}", content_type="image/tiff")

    def listed(prefix: str) -> list[str]:
        return [
            blob.uri.removeprefix(f"azure://{case.silver}/")
            for blob in case.store.list_blobs(case.silver, prefix)
        ]

    assert listed("") == ["a.tif", "a/1 ä.tif", "a/2.tif", "aa/x.gpkg", "b.tif"]
    assert listed("a/") == ["a/1 ä.tif", "a/2.tif"]
    assert listed("a") == ["a.tif", "a/1 ä.tif", "a/2.tif", "aa/x.gpkg"]
    assert listed("none") == []


def test_a_listing_tells_what_info_tells(case: Case, local: Path) -> None:
    uri = f"azure://{case.silver}/a.tif"
    info = case.store.upload_new(local, uri, content_type="image/tiff")
    assert list(case.store.list_blobs(case.silver)) == [info]
    assert info.content_type == "image/tiff"


def test_containers_that_are_not_ours_are_not_listed(case: Case) -> None:
    with pytest.raises(InvalidRequest) as caught:
        case.store.list_blobs("secrets")
    assert caught.value.code == "SOURCE_FORBIDDEN"


@pytest.mark.parametrize("path", ["", "/a", "a//b", "../a", "a/./b", "a?b", "a#b", "a%2e%2e", "a\\b", "a\nb"])
def test_names_that_could_mean_another_blob_are_refused(case: Case, path: str) -> None:
    with pytest.raises(InvalidRequest):
        case.store.info(f"azure://{case.bronze}/{path}")
