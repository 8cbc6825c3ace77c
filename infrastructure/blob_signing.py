"""URLs that read one blob for a while (shared access signatures), so that large files bypass the app."""

from datetime import UTC, datetime, timedelta
from typing import Any

from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas

from infrastructure.blob_uri import BlobUri
from infrastructure.storage_account import StorageAccount

_CLOCK_SKEW = timedelta(minutes=5)


class BlobUrlSigner:
    """Signs with the account's key where there is one (local), else with a key that Azure gives the app's
    identity for that time (user delegation; needs the role Storage Blob Delegator).

    Reference: https://learn.microsoft.com/rest/api/storageservices/delegate-access-with-shared-access-signature
    """

    def __init__(self, account: StorageAccount) -> None:
        self._account = account

    def read_url(self, uri: str, *, seconds: int, filename: str) -> str:
        """A URL that reads the blob until `seconds` from now; browsers save it as `filename`.

        Raises:
            InvalidRequest: BLOB_URI_INVALID.
        """
        blob, service = BlobUri.parse(uri), self._account.service()
        expiry = datetime.now(UTC) + timedelta(seconds=seconds)
        signature = generate_blob_sas(
            account_name=str(service.account_name),
            container_name=blob.container,
            blob_name=blob.path,
            permission=BlobSasPermissions(read=True),
            expiry=expiry,
            content_disposition=f'attachment; filename="{filename}"',
            **_key(service, expiry),
        )
        return f"{service.get_blob_client(blob.container, blob.path).url}?{signature}"


def _key(service: BlobServiceClient, expiry: datetime) -> dict[str, Any]:
    if account_key := getattr(service.credential, "account_key", None):
        return {"account_key": account_key}
    start = datetime.now(UTC) - _CLOCK_SKEW
    return {"user_delegation_key": service.get_user_delegation_key(start, expiry)}
