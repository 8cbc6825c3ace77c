"""Tables of features, and a task that exports them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.task_models.vector_export import ExportedFile, ExportFileParameters, ExportFormat, ExportTable
from infrastructure.database import Database
from infrastructure.repositories.vectors import VectorRepository
from services.vector.export.tasks import export_file
from tests.blobs import DirectoryBlobStore, surroundings
from tests.integration.exports.office import Office, office_on
from tools.stack.database import DatabaseUrls


@pytest.fixture
def database(database_urls: DatabaseUrls) -> Iterator[Database]:
    """As `geo_app`, like the workers."""
    with Database(database_urls.app, pool_max=2, on_promised=lambda _: None) as opened:
        yield opened


@pytest.fixture
def connection(database_urls: DatabaseUrls) -> Iterator[psycopg.Connection[Any]]:
    """Every statement commits at once."""
    with psycopg.connect(database_urls.app, autocommit=True) as opened:
        yield opened


@pytest.fixture
def office(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Office]:
    """Where files are asked for."""
    with office_on(database_urls, tmp_path) as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class Exporter:
    """Runs `export_vector_file` as a worker would."""

    directory: Path
    storage: DirectoryBlobStore
    vectors: VectorRepository

    def __call__(
        self, kind: str, *tables: ExportTable, name: str = "squares", cancel_at: float | None = None
    ) -> tuple[ExportedFile, Path]:
        """The result, and the file."""
        workspace = self.directory / f"work{len(list(self.directory.glob('work*')))}"
        made = surroundings(workspace, self.storage, cancel_at=cancel_at)
        context = replace(made.context, vectors=self.vectors, task_id=workspace.name)
        parameters = ExportFileParameters(
            tables=tables, format=ExportFormat(kind), target_prefix="azure://silver/vectors/x/r1", name=name
        )
        exported = export_file(parameters, context)
        target = self.directory / f"{workspace.name}-{Path(exported.blob_uri).name}"
        self.storage.download(exported.blob_uri, target)
        return exported, target


@pytest.fixture
def export(tmp_path: Path, database: Database) -> Exporter:
    """To a blob store on a directory."""
    return Exporter(tmp_path, DirectoryBlobStore(tmp_path / "blobs"), VectorRepository(database))
