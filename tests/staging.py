"""Tables that are only remembered, for tests of the tasks before anything is loaded."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from core.ports import BlobStore
from core.vector_ports import TableSpec, VectorStore
from tests.blobs import Surroundings, surroundings


@dataclass
class RememberedTables:
    """The part of `core.vector_ports.VectorStore` that makes tables, empty."""

    created: dict[str, TableSpec] = field(default_factory=dict)

    def create_staging_table(self, spec: TableSpec) -> None:
        self.created[spec.name] = spec

    def drop_staging_table(self, name: str) -> None:
        self.created.pop(name, None)


def surroundings_with_tables(
    workspace: Path, storage: BlobStore, *, cancel_at: float | None = None
) -> Surroundings:
    """A task's context whose vector store remembers the tables that are made."""
    made = surroundings(workspace, storage, cancel_at=cancel_at)
    tables = cast(VectorStore, RememberedTables())
    return replace(made, context=replace(made.context, vectors=tables))
