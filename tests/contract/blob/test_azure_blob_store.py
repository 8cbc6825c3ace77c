"""What only the store of Azure does: access by container, GDAL's own way in, faults of the network."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import rasterio
from azure.storage.blob import BlobServiceClient

from core.errors import ContractViolation, InvalidRequest, TransientError, Unavailable
from core.task_models.raster_cog import CreateCogParameters, VerifyCogParameters
from infrastructure.blob import AzureBlobStore
from infrastructure.storage_account import FOR_CALLERS, StorageAccount
from services.raster.create_cog import create_cog
from services.raster.verify import verify_cog
from tests import rasters
from tests.blobs import surroundings
from tests.stack_fixtures.storage import Storage


@pytest.fixture
def store(storage: Storage) -> Iterator[AzureBlobStore]:
    account = StorageAccount(connection_string=storage.connection_string)
    yield AzureBlobStore(account, readable=frozenset({storage.bronze}), writable=frozenset({storage.silver}))
    account.close()


def put(storage: Storage, name: str, content: bytes) -> str:
    with BlobServiceClient.from_connection_string(storage.connection_string) as client:
        client.get_blob_client(storage.bronze, name).upload_blob(content)
    return f"azure://{storage.bronze}/{name}"


def test_sources_cannot_be_written_or_deleted(
    storage: Storage, store: AzureBlobStore, tmp_path: Path
) -> None:
    uri = put(storage, "a.tif", b"x")
    with pytest.raises(ContractViolation):
        store.delete(uri)
    with pytest.raises(ContractViolation):
        store.upload_new(tmp_path / "none", f"azure://{storage.bronze}/b.tif", content_type="image/tiff")
    assert store.info(uri).size_bytes == 1


def test_other_containers_are_refused(store: AzureBlobStore) -> None:
    with pytest.raises(InvalidRequest) as caught:
        store.info("azure://secrets/a.tif")
    assert caught.value.code == "SOURCE_FORBIDDEN"


def test_gdal_reads_by_the_name_and_options_given(
    storage: Storage, store: AzureBlobStore, tmp_path: Path
) -> None:
    source = rasters.rgb(tmp_path / "a.tif")
    uri = put(storage, "a.tif", source.read_bytes())
    with rasterio.Env(**store.gdal_options()), rasterio.open(store.gdal_path(uri)) as dataset:
        assert (dataset.read() == rasters.pixels_of(source)["data"]).all()


def test_a_raster_becomes_a_cog_in_storage(storage: Storage, store: AzureBlobStore, tmp_path: Path) -> None:
    source = rasters.rgb(tmp_path / "a.tif", width=700, height=600)
    uri = put(storage, "a.tif", source.read_bytes())
    created = create_cog(
        CreateCogParameters(source_uri=uri, target_prefix=f"azure://{storage.silver}/rasters/d_1/r1"),
        surroundings(tmp_path / "create", store).context,
    )
    cog = verify_cog(VerifyCogParameters(cog=created), surroundings(tmp_path / "verify", store).context)
    with rasterio.Env(**store.gdal_options()), rasterio.open(store.gdal_path(cog.blob_uri)) as dataset:
        assert (dataset.read() == rasters.pixels_of(source)["data"]).all()
        assert dataset.overviews(1) == [2]


def test_the_content_type_is_stored(storage: Storage, store: AzureBlobStore, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    store.upload_new(tmp_path / "x", f"azure://{storage.silver}/a.tif", content_type="image/tiff")
    with BlobServiceClient.from_connection_string(storage.connection_string) as client:
        properties = client.get_blob_client(storage.silver, "a.tif").get_blob_properties()
    assert properties.content_settings.content_type == "image/tiff"


@pytest.fixture
def unreachable() -> StorageAccount:
    """An account at a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return StorageAccount(
        connection_string=f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=aGVsbG8=;"
        f"BlobEndpoint=http://127.0.0.1:{port}/a;",
        patience=FOR_CALLERS,
    )


def test_no_answer_is_worth_another_try(unreachable: StorageAccount, tmp_path: Path) -> None:
    store = AzureBlobStore(unreachable)
    with pytest.raises(TransientError) as caught:
        store.info("azure://bronze/a.tif")
    assert caught.value.code == "STORAGE_TIMEOUT"
    with pytest.raises(TransientError):
        store.download("azure://bronze/a.tif", tmp_path / "x")


def test_health(storage: Storage, unreachable: StorageAccount) -> None:
    account = StorageAccount(connection_string=storage.connection_string)
    account.check([storage.bronze, storage.silver], timeout_seconds=5)
    with pytest.raises(Unavailable):
        account.check(["not-there"], timeout_seconds=5)
    with pytest.raises(Unavailable):
        unreachable.check(["bronze"], timeout_seconds=1)
    account.close()


def test_a_wrong_key_is_a_matter_of_configuration(storage: Storage) -> None:
    parts = dict(part.split("=", 1) for part in storage.connection_string.strip(";").split(";"))
    parts["AccountKey"] = "d3Jvbmc="
    account = StorageAccount(connection_string=";".join(f"{k}={v}" for k, v in parts.items()))
    store = AzureBlobStore(account, readable=frozenset({storage.bronze}))
    with pytest.raises(ContractViolation) as caught:
        store.info(f"azure://{storage.bronze}/a.tif")
    assert caught.value.code == "CONFIG_ERROR"
    account.close()


def test_containers_are_created_once(storage: Storage) -> None:
    account = StorageAccount(connection_string=storage.connection_string)
    account.ensure_containers([storage.bronze, storage.silver])
    account.ensure_containers([storage.bronze])
    account.close()


def test_an_account_needs_a_way_in() -> None:
    with pytest.raises(ContractViolation):
        StorageAccount()
