"""Serving against real databases and blobs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from core.errors import NotFound
from core.ports import BlobInfo
from core.task_models.vector_export import ExportFormat
from geo_platform.exports import Export
from infrastructure.blob import AzureBlobStore
from infrastructure.storage_account import StorageAccount
from tests.integration.serving.functions_client import BASE_URL, FunctionsClient
from tests.stack_fixtures.storage import Storage
from tools.stack.database import DatabaseUrls
from triggers.serving.config import ServingConfig


class NoBlobs:
    """A blob store for tests that must not touch one."""

    def info(self, uri: str) -> BlobInfo:
        raise AssertionError(uri)

    def open_range(self, uri: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        raise AssertionError(uri)

    def gdal_path(self, uri: str) -> str:
        raise AssertionError(uri)

    def gdal_options(self) -> Mapping[str, str]:
        return {}

    def read_url(self, uri: str, *, seconds: int, filename: str) -> str:
        raise AssertionError(uri)


class NoCatalogue:
    """The page's catalogue, empty."""

    def latest(self, limit: int) -> list[Any]:
        return []

    def find(self, collection_id: str) -> None:
        return None


def no_request(request_id: str) -> Any:
    """A Platform without requests."""
    raise NotFound("There is no request with this id.", code="REQUEST_NOT_FOUND")


def no_exports(request_id: str, kind: ExportFormat, **_: object) -> Export:
    """A Platform that makes no files."""
    raise AssertionError((request_id, kind))


@pytest.fixture
def app_connection(database_urls: DatabaseUrls) -> Iterator[psycopg.Connection[Any]]:
    """Every statement commits at once."""
    with psycopg.connect(database_urls.app, autocommit=True) as connection:
        yield connection


@pytest.fixture
def serving_config(database_urls: DatabaseUrls) -> ServingConfig:
    return ServingConfig(
        reader_url=database_urls.reader,
        public_base_url=BASE_URL,
        blobs=NoBlobs(),
        signer=NoBlobs(),
        catalogue=NoCatalogue(),
        find_request=no_request,
        exports=no_exports,
    )


@pytest.fixture
def client(serving_config: ServingConfig) -> Iterator[FunctionsClient]:
    with FunctionsClient(serving_config) as running:
        yield running


@pytest.fixture
def config(serving_config: ServingConfig, storage: Storage) -> ServingConfig:
    """Serving that reads published blobs."""
    account = StorageAccount(connection_string=storage.connection_string)
    return replace(serving_config, blobs=AzureBlobStore(account, readable=frozenset({storage.silver})))


@pytest.fixture
def worker(config: ServingConfig) -> Iterator[FunctionsClient]:
    """The serving app over `config`."""
    with FunctionsClient(config) as running:
        yield running
