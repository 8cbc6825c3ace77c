"""A file that is sent while it grows arrives as it is in the end, whatever was written when."""

import hashlib
import threading
import time
from pathlib import Path

import pytest

from core.errors import TransientError
from core.ports import BlobInfo
from services.raster.growing_upload import BLOCK_BYTES, GrowingUpload
from tests.blobs import DirectoryBlobStore, DirectoryUpload

URI = "azure://silver/a.tif"
NOISE = bytes(range(256)) * (BLOCK_BYTES // 256)


class CountedUpload(DirectoryUpload):
    """Remembers the order of the blocks, and can refuse."""

    def __init__(self, store: DirectoryBlobStore, *, refuses: bool = False) -> None:
        super().__init__(store, URI, "image/tiff")
        self.order: list[int] = []
        self.refuses = refuses

    def put(self, number: int, content: bytes) -> None:
        if self.refuses:
            raise TransientError("no answer", code="STORAGE_TIMEOUT")
        self.order.append(number)
        super().put(number, content)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryBlobStore:
    return DirectoryBlobStore(tmp_path / "blobs")


def wait_for(upload: CountedUpload, blocks: int) -> None:
    deadline = time.monotonic() + 10
    while len(upload.order) < blocks:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def finish(growing: GrowingUpload) -> BlobInfo:
    digests = growing.finish()
    return growing.commit(digests)


def test_a_small_file_is_one_block(store: DirectoryBlobStore, tmp_path: Path) -> None:
    (path := tmp_path / "a").write_bytes(b"content")
    upload = CountedUpload(store)
    with GrowingUpload(path, upload) as growing:
        digests = growing.finish()
        assert (digests.size_bytes, digests.sha256) == (7, hashlib.sha256(b"content").hexdigest())
        assert digests.md5 == hashlib.md5(b"content").digest()
        info = growing.commit(digests)
    assert (info.size_bytes, upload.order) == (7, [0])


def test_blocks_are_sent_while_the_file_grows(store: DirectoryBlobStore, tmp_path: Path) -> None:
    upload, sizes = CountedUpload(store), list[int]()
    with GrowingUpload(path := tmp_path / "a", upload, on_growth=sizes.append) as growing:
        with path.open("wb", buffering=0) as file:
            file.write(NOISE * 3 + b"begun")
            wait_for(upload, 2)
            assert sorted(upload.order) == [1, 2], "the head waits, and what is not whole"
            file.write(b", done")
        finish(growing)
    assert b"".join(store.open_range(URI)) == path.read_bytes()
    assert sorted(upload.order) == [0, 1, 2, 3], "nothing is sent twice"
    assert max(sizes) >= 3 * BLOCK_BYTES


def test_what_was_changed_later_is_sent_again(store: DirectoryBlobStore, tmp_path: Path) -> None:
    upload = CountedUpload(store)
    with GrowingUpload(path := tmp_path / "a", upload) as growing:
        with path.open("w+b", buffering=0) as file:
            file.write(NOISE * 4)
            wait_for(upload, 3)
            file.seek(2 * BLOCK_BYTES + 5)
            file.write(b"changed")
        finish(growing)
    assert b"".join(store.open_range(URI)) == path.read_bytes()
    assert sorted(upload.order) == [0, 1, 2, 2, 3]


@pytest.mark.parametrize("blocks", [1, 3])
def test_a_store_that_does_not_answer_is_told(store: DirectoryBlobStore, tmp_path: Path, blocks: int) -> None:
    (path := tmp_path / "a").write_bytes(NOISE * blocks)
    with GrowingUpload(path, CountedUpload(store, refuses=True)) as growing, pytest.raises(TransientError):
        growing.finish()
    assert not (tmp_path / "blobs" / "silver").exists()


def test_a_file_that_never_comes_leaves_nothing(store: DirectoryBlobStore, tmp_path: Path) -> None:
    before = threading.active_count()
    with pytest.raises(KeyError), GrowingUpload(tmp_path / "none", CountedUpload(store)):
        raise KeyError
    assert threading.active_count() == before
    assert not (tmp_path / "blobs" / "silver").exists()
