"""Large task results as blobs (`core.result_size.ResultStore`); swept like every staged artefact."""

import tempfile
from pathlib import Path

from core.models.task import ClaimedTask
from core.ports import ArtefactLog, BlobStore


class BlobResultStore:
    """`azure://<container>/results/<task>/<attempt>.json`."""

    def __init__(self, storage: BlobStore, artefacts: ArtefactLog, *, container: str) -> None:
        self._storage = storage
        self._artefacts = artefacts
        self._container = container

    def put(self, claimed: ClaimedTask, content: bytes) -> str:
        """See `ResultStore`."""
        uri = f"azure://{self._container}/results/{claimed.task_id}/{claimed.attempt}.json"
        self._artefacts.stage_blob(
            uri, job_id=claimed.job_id, task_id=claimed.task_id, attempt=claimed.attempt, temporary=True
        )
        with tempfile.TemporaryDirectory(prefix="result-") as directory:
            source = Path(directory) / "result.json"
            source.write_bytes(content)
            self._storage.upload_new(source, uri, content_type="application/json")
        return uri

    def get(self, uri: str) -> bytes:
        """See `ResultStore`."""
        return b"".join(self._storage.open_range(uri))
