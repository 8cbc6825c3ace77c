"""The vector store on a database of the test's own, as the application's role."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from core.task_models.vector import IngestVectorParameters, IngestVectorResult, UploadVectorParameters
from infrastructure.database import Database
from infrastructure.repositories.vectors import VectorRepository
from services.vector.tasks import prepare, upload
from tests.blobs import DirectoryBlobStore, Surroundings, surroundings
from tools.stack.database import DatabaseUrls


@pytest.fixture
def database(database_urls: DatabaseUrls) -> Iterator[Database]:
    """As `geo_app`, like the workers."""
    with Database(database_urls.app, pool_max=2, on_promised=lambda _: None) as opened:
        yield opened


@pytest.fixture
def vectors(database: Database) -> VectorRepository:
    return VectorRepository(database)


@pytest.fixture
def connection(database_urls: DatabaseUrls) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """To look at what was made."""
    with psycopg.connect(database_urls.app, row_factory=dict_row, autocommit=True) as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Runs the two tasks of `ingest_vector` as two workers would, with nothing shared but the plan."""

    directory: Path
    storage: DirectoryBlobStore
    vectors: VectorRepository

    def surroundings(self, name: str, *, cancel_at: float | None = None) -> Surroundings:
        made = surroundings(self.directory / name, self.storage, cancel_at=cancel_at)
        return replace(made, context=replace(made.context, vectors=self.vectors))

    def run(
        self,
        name: str,
        content: bytes,
        *,
        layer: str | None = None,
        target_crs: str = "EPSG:4326",
        between: Callable[[], object] = lambda: None,
        cancel_at: float | None = None,
    ) -> IngestVectorResult:
        """Put the file, prepare, call `between`, upload."""
        uri = f"azure://bronze/{name}"
        self.storage.put(uri, content)
        parameters = IngestVectorParameters(source_uri=uri, layer=layer, target_crs=target_crs)
        plan = prepare(parameters, self.surroundings("first").context)
        between()
        second = self.surroundings("second", cancel_at=cancel_at)
        return upload(UploadVectorParameters(plan=plan), second.context)


@pytest.fixture
def ingestion(tmp_path: Path, vectors: VectorRepository) -> Ingestion:
    return Ingestion(tmp_path, DirectoryBlobStore(tmp_path / "blobs"), vectors)
