"""Real blob storage for tests of raster jobs: a container for sources, a container for results."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infrastructure.blob import AzureBlobStore
from infrastructure.storage_account import StorageAccount
from tests.stack_fixtures.storage import Storage, fresh_storage
from tools.stack.azurite import AzuriteServer


@dataclass(frozen=True)
class Zones:
    """Where sources lie, and where results go."""

    storage: Storage
    blobs: AzureBlobStore
    """As the application has it: sources are read-only."""
    clients: AzureBlobStore
    """As the clients have it."""

    def upload(self, path: Path, name: str) -> str:
        """Put a source; its URI."""
        uri = f"azure://{self.storage.bronze}/{name}"
        return self.clients.upload_new(path, uri, content_type="application/octet-stream").uri

    def download(self, uri: str, target: Path) -> Path:
        """Get a result."""
        self.clients.download(uri, target)
        return target

    def target(self, name: str) -> str:
        """A prefix for the results of one case."""
        return f"azure://{self.storage.silver}/{name}"


@contextmanager
def open_zones(azurite: AzuriteServer) -> Iterator[Zones]:
    """Two empty containers, deleted at the end."""
    with fresh_storage(azurite) as storage:
        account = StorageAccount(connection_string=storage.connection_string)
        bronze, silver = frozenset({storage.bronze}), frozenset({storage.silver})
        yield Zones(
            storage,
            blobs=AzureBlobStore(account, readable=bronze, writable=silver),
            clients=AzureBlobStore(account, readable=bronze, writable=bronze | silver),
        )
        account.close()
