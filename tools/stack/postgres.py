"""A private PostgreSQL cluster: its own data directory, port and passwords; no other server is touched."""

import hashlib
import os
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

from tools.stack.accounts import Account, prefix_of
from tools.stack.credentials import Credentials
from tools.stack.errors import CommandFailed
from tools.stack.part import Launch, Part
from tools.stack.postgres_programs import PostgresPrograms, find_programs
from tools.stack.processes import wait_until
from tools.stack.state import StateDirectory

SUPERUSER = "postgres"

# PostgreSQL's user must be able to pass through every directory above the cluster. Where the checkout
# lies in root's home, the cluster cannot lie in the checkout.
_OUTSIDE = Path("/var/lib/geo-platform-dev")

# Over TCP on the loopback address only, with a password: other users of the machine can reach it too.
_HBA = "host all all 127.0.0.1/32 scram-sha-256\n"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "geo-platform-dev",
}
# For test data: what was committed survives `kill -9`, for the kernel has it, but not the loss of power.
# With synchronous_commit off it would survive neither: the end of the log is in the processes' memory.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class PostgresServer(Part):
    """PostgreSQL with PostGIS, as an unprivileged user when called by root."""

    stop_signal = signal.SIGINT  # "fast": open transactions are rolled back

    def __init__(self, *, state: StateDirectory, durable: bool = True, name: str = "postgres") -> None:
        super().__init__(name, state=state)
        self._durable = durable
        self._account = Account.for_servers()
        self._password = Credentials(state).password("postgres_superuser")

    def url(self, database: str, *, role: str = SUPERUSER, password: str | None = None) -> str:
        """The address of a database, for the superuser or for the given role."""
        secret = quote(password or self._password, safe="")
        return f"postgresql://{role}:{secret}@127.0.0.1:{self.port}/{database}"

    @property
    def data_directory(self) -> Path:
        """Where the cluster lies; chosen once."""
        remembered = self._state.read(self._record).get("data_directory")
        return Path(remembered) if remembered else self._choose_directory()

    @property
    def programs(self) -> PostgresPrograms:
        """The programs of the version that made the cluster, or of the newest one."""
        version = self.data_directory / "PG_VERSION"
        return find_programs(major=int(version.read_text()) if version.exists() else None)

    @property
    def _record(self) -> str:
        return f"{self.name}.json"

    def _choose_directory(self) -> Path:
        self._state.path.mkdir(parents=True, exist_ok=True)
        inside = self._state.path / self.name
        if self._account is None or self._account.can_reach(self._state.path):
            return inside
        digest = hashlib.sha256(str(inside).encode()).hexdigest()[:10]
        return _OUTSIDE / f"{self._state.path.parent.parent.name}-{digest}"

    def _prepare(self) -> None:
        directory = self.data_directory
        if not (directory / "PG_VERSION").exists():
            self._create_cluster(directory)
        digest = hashlib.sha256(self._password.encode()).hexdigest()
        if self._state.read(self._record).get("password_sha256") != digest:
            self._set_password(directory)
        self._state.write(self._record, {"data_directory": str(directory), "password_sha256": digest})
        self._discard_stale_lock(directory)

    def _create_cluster(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        if self._account:
            self._account.own(directory)
        options = ["--auth=reject", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={SUPERUSER}"]
        if not self._durable:
            options.append("--no-sync")
        self._run("initdb", *options, "-D", str(directory))
        (directory / "pg_hba.conf").write_text(_HBA)

    def _set_password(self, directory: Path) -> None:
        """In single-user mode: no server ever runs without the password."""
        sql = f"ALTER ROLE {SUPERUSER} PASSWORD '{self._password}'\n"
        self._run("postgres", "--single", "-D", str(directory), "postgres", stdin=sql)

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        command = [*prefix_of(self._account), self.programs.path(program), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode != 0:
            raise CommandFailed(program, exit_code=done.returncode, output=done.stdout + done.stderr)

    def _discard_stale_lock(self, directory: Path) -> None:
        """Remove `postmaster.pid` unless a server works in the directory.

        After a restart of the machine its process id may be another process of the same user, and
        PostgreSQL would refuse to start.
        """
        if not wait_until(lambda: not works_in(directory), seconds=10):
            raise CommandFailed("postgres", exit_code=1, output=f"another server uses {directory}")
        (directory / "postmaster.pid").unlink(missing_ok=True)

    def _launch(self) -> Launch:
        settings = {**_SETTINGS, "port": str(self.port), **({} if self._durable else _NOT_DURABLE)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        server = [self.programs.path("postgres"), "-D", str(self.data_directory), *options]
        return Launch(command=[*prefix_of(self._account), *server], cwd=Path("/"))

    def _is_ready(self) -> bool:
        check = [self.programs.path("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(check, check=False).returncode == 0

    def _end_by_force(self) -> None:
        super()._end_by_force()
        # Backends see that their postmaster is gone and leave by themselves.
        wait_until(lambda: not works_in(self.data_directory), seconds=10)


def works_in(directory: Path) -> bool:
    """Whether a process has `directory` as its working directory, as all of PostgreSQL's have."""
    with os.scandir("/proc") as entries:
        return any(_working_directory(entry) == str(directory) for entry in entries)


def _working_directory(entry: "os.DirEntry[str]") -> str | None:
    try:
        return os.readlink(f"{entry.path}/cwd") if entry.name.isdigit() else None  # noqa: PTH115
    except OSError:  # gone, or somebody else's
        return None
