"""Files into the bronze zone."""

import hashlib
from pathlib import Path

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobClient, ContentSettings

CONTAINER = "bronze"


def upload(path: Path, *, blob_name: str, connection_string: str) -> str:
    """Upload the file unless the very same content is there; the path to submit, `bronze/<blob>`."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "md5").digest()
    with BlobClient.from_connection_string(connection_string, CONTAINER, blob_name) as blob:
        if _digest_of(blob) != digest:
            with path.open("rb") as file:
                settings = ContentSettings(content_md5=bytearray(digest))
                blob.upload_blob(file, overwrite=True, content_settings=settings)
    return f"{CONTAINER}/{blob_name}"


def _digest_of(blob: BlobClient) -> bytes | None:
    try:
        digest = blob.get_blob_properties().content_settings.content_md5
    except ResourceNotFoundError:
        return None
    return bytes(digest) if digest else None
