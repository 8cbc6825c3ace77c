"""Containers for one test."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from azure.storage.blob import BlobServiceClient

from tools.stack.azurite import AzuriteServer


@dataclass(frozen=True, slots=True)
class Storage:
    """The zones of the design, under names that no other test uses."""

    connection_string: str
    bronze: str
    silver: str


@contextmanager
def fresh_storage(azurite: AzuriteServer) -> Iterator[Storage]:
    """Two empty containers, deleted at the end."""
    mark = secrets.token_hex(6)
    storage = Storage(azurite.connection_string, bronze=f"bronze-{mark}", silver=f"silver-{mark}")
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        for name in (storage.bronze, storage.silver):
            service.create_container(name)
        yield storage
        for name in (storage.bronze, storage.silver):
            service.delete_container(name)
