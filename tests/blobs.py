"""A blob store on a directory, and the rest of a task's surroundings, for tests without servers."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from core.errors import Conflict, InvalidRequest, NotFound, PermanentTaskError
from core.ports import BlobInfo, BlobStore
from core.vector_ports import VectorStore
from infrastructure.blob_uri import BlobUri
from services.context import TaskContext

_CONTAINERS = {"bronze", "silver"}


class DirectoryBlobStore:
    """Implements `core.ports.BlobStore`; `tests/contract/blob` holds it to the cases of the real one."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._content_types: dict[Path, str] = {}

    def put(self, uri: str, content: bytes, *, content_type: str = "application/octet-stream") -> BlobInfo:
        """Place or replace a source, as clients do."""
        self._content_types[self._path(uri)] = content_type
        path = self._path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return self.info(uri)

    def info(self, uri: str) -> BlobInfo:
        path = self._path(uri)
        if not path.is_file():
            raise NotFound("There is no such blob.", code="SOURCE_NOT_FOUND")
        content = path.read_bytes()
        return BlobInfo(
            uri=str(BlobUri.parse(uri)),
            size_bytes=len(content),
            etag=f'"{hashlib.sha256(content).hexdigest()[:16]}"',
            last_modified=datetime.fromtimestamp(path.stat().st_mtime, UTC),
            content_type=self._content_types.get(path, "application/octet-stream"),
            md5=hashlib.md5(content).digest(),
        )

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        if container not in _CONTAINERS:
            raise InvalidRequest("The container is none of ours.", code="SOURCE_FORBIDDEN")
        folder = self._root / container
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        return (self.info(f"{container}/{name}") for name in names if name.startswith(prefix))

    def download(self, uri: str, target: Path, *, etag: str | None = None) -> BlobInfo:
        info = self.info(uri)
        if etag is not None and etag.strip('"') != info.etag.strip('"'):
            raise PermanentTaskError("The blob was replaced.", code="SOURCE_CHANGED")
        shutil.copyfile(self._path(uri), target)
        return info

    def upload_new(self, source: Path, uri: str, *, content_type: str) -> BlobInfo:
        if self._path(uri).exists():
            raise Conflict("The name is taken.", code="BLOB_EXISTS")
        return self.put(uri, source.read_bytes(), content_type=content_type)

    def begin_upload(self, uri: str, *, content_type: str) -> "DirectoryUpload":
        return DirectoryUpload(self, uri, content_type)

    def delete(self, uri: str) -> bool:
        path = self._path(uri)
        if not path.exists():
            return False
        path.unlink()
        return True

    def open_range(self, uri: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        size_bytes = self.info(uri).size_bytes
        if start and start >= size_bytes:
            raise InvalidRequest("Behind the end.", code="RANGE_NOT_SATISFIABLE")
        content = self._path(uri).read_bytes()
        return iter([content[start : None if length is None else start + length]])

    def gdal_path(self, uri: str) -> str:
        return str(self._path(uri))

    def gdal_options(self) -> Mapping[str, str]:
        return {}

    def _path(self, uri: str) -> Path:
        blob = BlobUri.parse(uri)
        return self._root / blob.container / blob.path


@dataclass
class DirectoryUpload:
    """Implements `core.ports.BlobUpload`."""

    store: DirectoryBlobStore
    uri: str
    content_type: str
    blocks: dict[int, bytes] = field(default_factory=dict)

    def put(self, number: int, content: bytes) -> None:
        self.blocks[number] = content

    def commit(self, count: int, *, md5: bytes) -> BlobInfo:
        content = b"".join(self.blocks[number] for number in range(count))
        assert hashlib.md5(content).digest() == md5
        try:
            self.store.info(self.uri)
        except NotFound:
            return self.store.put(self.uri, content, content_type=self.content_type)
        raise Conflict("The name is taken.", code="BLOB_EXISTS")


@dataclass
class RecordedArtefacts:
    """Implements `core.ports.ArtefactLog`, and remembers whether the blob was there already."""

    storage: BlobStore
    announced: list[tuple[str, bool]] = field(default_factory=list)
    temporary: list[str] = field(default_factory=list)

    def stage_table(self, name: str, *, job_id: str, task_id: str, attempt: int) -> None:
        self.announced.append((name, False))

    def stage_blob(
        self, uri: str, *, job_id: str, task_id: str, attempt: int, temporary: bool = False
    ) -> None:
        self.temporary += [uri] if temporary else []
        try:
            self.storage.info(uri)
        except NotFound:
            self.announced.append((uri, False))
        else:
            self.announced.append((uri, True))


@dataclass
class Surroundings:
    """A task's context, and what it has left in it. `cancel_at`: the progress at which to stop it."""

    context: TaskContext
    artefacts: RecordedArtefacts
    progress: list[float]


def surroundings(workspace: Path, storage: BlobStore, *, cancel_at: float | None = None) -> Surroundings:
    """A context for one attempt of one task."""
    workspace.mkdir(parents=True, exist_ok=True)
    artefacts, progress = RecordedArtefacts(storage), list[float]()
    context = TaskContext(
        job_id="0" * 64,
        task_id="00000000-s1-0000",
        attempt=1,
        open_workspace=lambda: workspace,
        storage=storage,
        vectors=cast(VectorStore, None),
        artefacts=artefacts,
        report=progress.append,
        is_cancelled=lambda: cancel_at is not None and bool(progress) and progress[-1] >= cancel_at,
    )
    return Surroundings(context, artefacts, progress)
