"""Azurite: Azure Blob Storage on this machine, with an account key of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

from tools.stack.credentials import Credentials
from tools.stack.errors import MissingProgram
from tools.stack.part import Launch, Part
from tools.stack.ports import answers
from tools.stack.state import StateDirectory

CONTAINERS = ("bronze", "silver")

_ACCOUNT = "devstoreaccount1"
_ENTRY = Path("node_modules/azurite/dist/src/blob/main.js")


class AzuriteServer(Part):
    """The blob service only; data lies in the state directory."""

    def __init__(self, *, state: StateDirectory, root: Path, name: str = "azurite") -> None:
        super().__init__(name, state=state)
        self._root = root
        self._key = Credentials(state).storage_key("azurite_account_key")

    @property
    def connection_string(self) -> str:
        """For azure-storage-blob and for GDAL's /vsiaz/."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={self._key};"
            f"BlobEndpoint=http://127.0.0.1:{self.port}/{_ACCOUNT};"
        )

    def create_containers(self) -> None:
        """Make sure that the zones of the design exist."""
        with BlobServiceClient.from_connection_string(self.connection_string) as service:
            for container in CONTAINERS:
                try:
                    service.create_container(container)
                except ResourceExistsError:
                    continue

    def discard_data(self) -> None:
        """No containers at the next start."""
        shutil.rmtree(self._data, ignore_errors=True)

    def _launch(self) -> Launch:
        entry = self._root / _ENTRY
        if not entry.exists():
            raise MissingProgram("Azurite")
        options = {"blobHost": "127.0.0.1", "blobPort": str(self.port), "location": str(self._data)}
        flags = ["--silent", "--skipApiVersionCheck", "--loose", "--disableTelemetry"]
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        return Launch(
            command=[find_node(self._root), str(entry), *arguments, *flags],
            cwd=self._root,
            environment={"AZURITE_ACCOUNTS": f"{_ACCOUNT}:{self._key}"},
        )

    @property
    def _data(self) -> Path:
        return self._state.path / self.name

    def _is_ready(self) -> bool:
        return answers(self.port)


def find_node(root: Path) -> str:
    """The Node that `./dev setup` brought into the checkout, or the machine's."""
    for node in _own_nodes(root):
        return str(node)
    if found := shutil.which("node"):
        return found
    raise MissingProgram("Node")


def _own_nodes(root: Path) -> Iterator[Path]:
    return (root / ".local" / "node").glob("node_modules/node-linux-*/bin/node")
