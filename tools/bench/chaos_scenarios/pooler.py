"""PgBouncer before the database of a stack, and where its program comes from."""

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit, urlunsplit

from tools.bench.measuring.requirements import bench_commands
from tools.cli.setup.commands import output_of
from tools.stack.accounts import Account, prefix_of
from tools.stack.part import Launch, Part
from tools.stack.ports import answers
from tools.stack.state import StateDirectory

_PACKAGE = "pgbouncer"
_SETTINGS = """
[databases]
{name} = host={host} port={port} dbname={name} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
"""


class Pooler(Part):
    """In transaction mode: a connection of the server is a client's for one transaction only.

    Args:
        target: the database; whoever comes is the role of this URL there.
        connections: how many the server sees, however many clients there are.
    """

    def __init__(self, *, state: StateDirectory, root: Path, target: str, connections: int) -> None:
        super().__init__("pooler", state=state)
        self._root = root
        self._target = urlsplit(target)
        self._connections = connections
        self._directory: Path | None = None

    @property
    def url(self) -> str:
        """The database behind the pooler."""
        return urlunsplit(self._target._replace(netloc=f"{self._target.username}@127.0.0.1:{self.port}"))

    def discard_data(self) -> None:
        """Remove the settings, which hold a password."""
        if self._directory:
            shutil.rmtree(self._directory)

    def _launch(self) -> Launch:
        # Not in the checkout, where a server that is not root's may not get to.
        self._directory = directory = Path(mkdtemp(prefix="geo-pooler-"))
        program = shutil.which(_PACKAGE) or str(_unpacked(self._root, directory))
        settings = directory / "pgbouncer.ini"
        settings.touch(mode=0o600)
        settings.write_text(self._settings())
        account = Account.for_servers()
        if account:
            os.chown(settings, account.uid, account.gid)
            account.own(directory)
        libraries = ":".join(map(str, directory.glob("usr/lib/*")))
        return Launch(
            command=[*prefix_of(account), program, str(settings)],
            cwd=directory,
            environment={"LD_LIBRARY_PATH": libraries},
        )

    def _settings(self) -> str:
        target = self._target
        return _SETTINGS.format(
            name=target.path[1:],
            host=target.hostname,
            port=target.port,
            user=target.username,
            password=target.password,
            own_port=self.port,
            connections=self._connections,
        )

    def _is_ready(self) -> bool:
        return answers(self.port)


def _unpacked(root: Path, directory: Path) -> Path:
    """The program, unpacked into the directory with what it needs and this machine has not.

    An installed package would start a server of the system. Unpacked, it does nothing, and needs no root.
    """
    commands, archives = bench_commands(root), root / ".local" / "bench" / _PACKAGE
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    if not list(archives.glob("*.deb")):
        if not output_of("apt-cache", "show", _PACKAGE):
            commands.as_root("apt-get", "update")
        options = [f"Dir::Cache::archives={archives}", "Debug::NoLocking=true"]
        commands.run(
            "apt-get", "install", "-y", "--download-only", "--no-install-recommends",
            *(part for option in options for part in ("-o", option)), _PACKAGE,
        )  # fmt: skip
    for archive in archives.glob("*.deb"):
        commands.run("dpkg-deb", "-x", str(archive), str(directory))
    return directory / "usr" / "sbin" / _PACKAGE
