"""The vector store on a database of the test's own, as the application's role."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from core.task_models.vector import (
    ChunkResult,
    FinishVectorParameters,
    IngestVectorParameters,
    LoadChunkParameters,
    PreparedVector,
)
from core.task_models.vector_tables import IngestVectorResult, VectorTable
from infrastructure.database import Database
from infrastructure.repositories.vectors import VectorRepository
from services.vector.finish import finish
from services.vector.load import load_chunk
from services.vector.prepare import prepare
from tests.blobs import DirectoryBlobStore, Surroundings, surroundings
from tools.stack.clones import DatabaseClones
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
    """Runs the tasks of `ingest_vector` as workers would, with nothing shared but what they leave."""

    directory: Path
    storage: DirectoryBlobStore
    vectors: VectorRepository

    def surroundings(self, name: str, *, cancel_at: float | None = None) -> Surroundings:
        """What an attempt gets whose task has that id."""
        made = surroundings(self.directory / name, self.storage, cancel_at=cancel_at)
        return replace(made, context=replace(made.context, vectors=self.vectors, task_id=name))

    def prepare(self, name: str, content: bytes, **parameters: Any) -> PreparedVector:
        """Put the file, and run the first stage."""
        uri = f"azure://bronze/{name}"
        self.storage.put(uri, content)
        given = {"source_uri": uri, "target_prefix": "azure://silver/tests/x"} | parameters
        return prepare(IngestVectorParameters.model_validate(given), self.surroundings("prepare").context)

    def load(
        self, prepared: PreparedVector, *, attempt: str = "load", cancel_at: float | None = None
    ) -> list[ChunkResult]:
        """Run the second stage, one task after the other."""
        return [
            load_chunk(
                LoadChunkParameters(plan_uri=prepared.plan_uri, table_index=table, chunk_index=chunk),
                self.surroundings(f"{attempt}_{table}_{chunk}", cancel_at=cancel_at).context,
            )
            for table, planned in enumerate(prepared.tables)
            for chunk in range(planned.chunk_count)
        ]

    def finish(self, prepared: PreparedVector, *, attempt: str = "finish") -> IngestVectorResult:
        """Run the last stage."""
        parameters = FinishVectorParameters(plan_uri=prepared.plan_uri)
        return finish(parameters, self.surroundings(attempt).context)

    def run(self, name: str, content: bytes, **parameters: Any) -> IngestVectorResult:
        """All three stages."""
        prepared = self.prepare(name, content, **parameters)
        self.load(prepared)
        return self.finish(prepared)

    def table(self, name: str, content: bytes, **parameters: Any) -> VectorTable:
        """All three stages of a file with one layer."""
        (table,) = self.run(name, content, **parameters).tables
        return table


@pytest.fixture
def ingestion(tmp_path: Path, vectors: VectorRepository) -> Ingestion:
    return Ingestion(tmp_path, DirectoryBlobStore(tmp_path / "blobs"), vectors)


Shared = tuple[VectorRepository, psycopg.Connection[Any]]


@pytest.fixture(scope="module")
def shared(database_clones: DatabaseClones) -> Iterator[Shared]:
    """One database for many files: a copy for each would take longer than the files do."""
    with (
        database_clones.clone() as urls,
        Database(urls.app, pool_max=2, on_promised=lambda _: None) as opened,
        psycopg.connect(urls.app, autocommit=True) as connection,
    ):
        yield VectorRepository(opened), connection
