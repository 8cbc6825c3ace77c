"""A file is uploaded while it is still being written.

GDAL writes a COG from front to back; only the head, which says where everything lies, is completed at the
end. So blocks that the file has grown past are sent while the next ones are compressed. Nothing depends on
that being so: when the file is finished, every block is compared with what was sent, and what differs is
sent again. The blob comes into being after that, by `commit`.
"""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from core.ports import BlobInfo, BlobUpload

BLOCK_BYTES = 8 * 2**20
_CONNECTIONS = 3
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class FileDigests:
    """Of the finished file."""

    size_bytes: int
    sha256: str
    md5: bytes


class GrowingUpload:
    """Follows `path` from the `with` to `finish`; the file need not be there yet.

    Args:
        upload: takes the blocks.
        on_growth: told the size of the file every now and then, from a thread of its own.
    """

    def __init__(
        self, path: Path, upload: BlobUpload, *, on_growth: Callable[[int], None] = lambda _: None
    ) -> None:
        self._path = path
        self._upload = upload
        self._on_growth = on_growth
        self._digests: dict[int, bytes] = {}
        self._is_finished = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="following", daemon=True)
        self._connections = ThreadPoolExecutor(_CONNECTIONS, "uploading")
        self._sending: list[Future[None]] = []

    def __enter__(self) -> "GrowingUpload":
        self._follower.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._connections.shutdown(wait=True, cancel_futures=True)

    def finish(self) -> FileDigests:
        """Send what is left of the file, which is complete now.

        Raises:
            TransientError: STORAGE_TIMEOUT, also for what was sent before.
        """
        self._stop()
        for sent in self._sending:
            sent.result()
        size = self._path.stat().st_size
        rest = [self._connections.submit(self._send, number) for number in _numbers(size)]
        digests = _digests(self._path, size)
        for sent in rest:
            sent.result()
        return digests

    def commit(self, digests: FileDigests) -> BlobInfo:
        """Make the blob.

        Raises:
            Conflict: (BLOB_EXISTS) the name is taken.
            TransientError: STORAGE_TIMEOUT.
        """
        return self._upload.commit(len(_numbers(digests.size_bytes)), md5=digests.md5)

    def _stop(self) -> None:
        self._is_finished.set()
        self._follower.join()

    def _follow(self) -> None:
        following = 1  # block 0 is the head
        while not self._is_finished.wait(_LOOK_SECONDS):
            size = self._path.stat().st_size if self._path.exists() else 0
            self._on_growth(size)
            while (following + 1) * BLOCK_BYTES <= size:
                self._sending.append(self._connections.submit(self._send, following))
                following += 1

    def _send(self, number: int) -> None:
        """Send a block, unless it was sent as it is now."""
        with self._path.open("rb") as file:
            file.seek(number * BLOCK_BYTES)
            content = file.read(BLOCK_BYTES)
        digest = hashlib.sha256(content).digest()
        if self._digests.get(number) != digest:
            self._upload.put(number, content)
            self._digests[number] = digest


def _numbers(size_bytes: int) -> range:
    return range(-(-size_bytes // BLOCK_BYTES))


def _digests(path: Path, size_bytes: int) -> FileDigests:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while content := file.read(BLOCK_BYTES):
            sha256.update(content)
            md5.update(content)
    return FileDigests(size_bytes, sha256.hexdigest(), md5.digest())
