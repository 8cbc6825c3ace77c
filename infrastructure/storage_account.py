"""The way into a storage account: by connection string (local) or by identity (Azure)."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob import BlobServiceClient

from core.errors import ContractViolation, Unavailable

_SCOPE = "https://storage.azure.com/.default"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call may wait for the account, and how often the SDK tries it again."""

    connect_seconds: float
    read_seconds: float
    retries: int


FOR_TASKS = Patience(connect_seconds=5, read_seconds=60, retries=3)
FOR_CALLERS = Patience(connect_seconds=1, read_seconds=2, retries=0)
"""For who waits at the other end of an HTTP request."""


class StorageAccount:
    """One account; the client and the credential are made at the first use, once for all threads.

    Args:
        connection_string: takes precedence; for development only.
        account_url: `https://<account>.blob.core.windows.net`, with the identity of the app.
        patience: of the SDK, within one call; tasks have retries of their own on top.

    Raises:
        ContractViolation: (CONFIG_ERROR) neither is given.
    """

    def __init__(
        self,
        *,
        connection_string: str | None = None,
        account_url: str | None = None,
        patience: Patience = FOR_TASKS,
    ) -> None:
        if not (connection_string or account_url):
            raise ContractViolation(
                "neither a connection string nor an account URL of the blob storage is set",
                code="CONFIG_ERROR",
            )
        self._connection_string = connection_string
        self._account_url = account_url or ""
        self._options: dict[str, Any] = {
            "connection_timeout": patience.connect_seconds,
            "read_timeout": patience.read_seconds,
            "retry_total": patience.retries,
        }
        self._service: BlobServiceClient | None = None
        self._lock = threading.Lock()

    def service(self) -> BlobServiceClient:
        """The client of the account."""
        with self._lock:
            if self._service is None:
                self._service = self._connect()
            return self._service

    def gdal_options(self) -> Mapping[str, str]:
        """GDAL's options for `/vsiaz/` (GDAL, Virtual File Systems). Secrets: never log them.

        Made anew at each call: with an identity they hold a token that is good for about an hour.
        """
        if self._connection_string:
            return {"AZURE_STORAGE_CONNECTION_STRING": self._connection_string}
        return {
            "AZURE_STORAGE_ACCOUNT": (urlsplit(self._account_url).hostname or "").split(".")[0],
            "AZURE_STORAGE_ACCESS_TOKEN": self._credential.get_token(_SCOPE).token,
        }

    def ensure_containers(self, names: Iterable[str]) -> None:
        """Create the containers that are not there; for development, as Azure's come with the account.

        Raises:
            Unavailable: (STORAGE_TIMEOUT) the account does not answer.
        """
        for name in names:
            try:
                self.service().create_container(name)
            except ResourceExistsError:
                continue
            except AzureError as exc:
                raise _unavailable() from exc

    def check(self, names: Iterable[str], *, timeout_seconds: float) -> None:
        """Ask for each container, without retries, for a health check.

        Raises:
            Unavailable: (STORAGE_TIMEOUT) one of them does not answer, or is not there.
        """
        for name in names:
            try:
                self.service().get_container_client(name).get_container_properties(
                    connection_timeout=timeout_seconds, read_timeout=timeout_seconds, retry_total=0
                )
            except AzureError as exc:
                raise _unavailable() from exc

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        with self._lock:
            service, self._service = self._service, None
        if service is not None:
            service.close()

    def _connect(self) -> BlobServiceClient:
        if self._connection_string:
            return BlobServiceClient.from_connection_string(self._connection_string, **self._options)
        return BlobServiceClient(self._account_url, credential=self._credential, **self._options)

    @cached_property
    def _credential(self) -> Any:
        # Only in Azure, and costly to import (MSAL, cryptography): not for every start everywhere.
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential()


def _unavailable() -> Unavailable:
    return Unavailable("The blob storage does not answer, or a container is missing.", code="STORAGE_TIMEOUT")
