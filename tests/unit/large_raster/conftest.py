"""A workshop on a directory."""

from pathlib import Path

import pytest

from tests.blobs import DirectoryBlobStore
from tests.large_rasters import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    storage = DirectoryBlobStore(tmp_path / "blobs")
    return Workshop(
        tmp_path,
        storage,
        upload=lambda path: storage.put(f"azure://bronze/{path.name}", path.read_bytes()).uri,
    )
