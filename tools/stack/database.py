"""The database of a stack: roles, extensions, schema; and copies of it for tests."""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tools.stack.credentials import Credentials
from tools.stack.errors import CommandFailed
from tools.stack.part import inherited_environment
from tools.stack.postgres import PostgresServer
from tools.stack.state import StateDirectory

DATABASE = "geodata"
ROLES = {"GEO_OWNER": "geo_owner", "GEO_APP": "geo_app", "GEO_READER": "geo_reader"}


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One database as seen by each role."""

    admin: str
    migrator: str
    app: str
    reader: str

    def environment(self) -> dict[str, str]:
        """What the application gets: neither the owner's address nor the superuser's is for it."""
        return {"DATABASE_URL": self.app, "DATABASE_READER_URL": self.reader}


class Database:
    """The platform's database in one private cluster."""

    def __init__(
        self,
        *,
        server: PostgresServer,
        state: StateDirectory,
        root: Path,
        name: str = DATABASE,
        disposable: bool = False,
    ) -> None:
        self.name = name
        self._disposable = disposable
        self._server = server
        self._state = state
        self._root = root
        self._credentials = Credentials(state)

    def urls(self, database: str | None = None) -> DatabaseUrls:
        """Addresses of the database, or of a copy of it."""
        database = database or self.name
        return DatabaseUrls(
            admin=self._server.url(database),
            migrator=self._url(database, "geo_owner"),
            app=self._url(database, "geo_app"),
            reader=self._url(database, "geo_reader"),
        )

    def bring_up_to_date(self) -> bool:
        """Bootstrap and migrate, unless this cluster has seen these very definitions; False if so.

        A disposable database is made anew: its definitions may be those of another branch.
        """
        if self._state.read(self._record) == self._definitions():
            return False
        if self._disposable:
            with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
                name = sql.Identifier(self.name)
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        self.bootstrap()
        self.migrate()
        self._state.write(self._record, self._definitions())
        return True

    def bootstrap(self) -> None:
        """As superuser: database, extensions, roles with this stack's passwords."""
        self._run("bootstrap", {"DATABASE_ADMIN_URL": self.urls().admin, **self._passwords()})

    def migrate(self) -> None:
        """As owner: schema and functions up to the newest."""
        self._run("migrate", {"DATABASE_MIGRATOR_URL": self.urls().migrator})

    @property
    def _record(self) -> str:
        return f"database-{self.name}.json"

    def _passwords(self) -> dict[str, str]:
        return {f"{name}_PASSWORD": self._credentials.password(role) for name, role in ROLES.items()}

    def _url(self, database: str, role: str) -> str:
        return self._server.url(database, role=role, password=self._credentials.password(role))

    def _run(self, command: str, environment: dict[str, str]) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "infrastructure.migrations", command],
            env={**inherited_environment(), **environment},
            cwd=self._root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise CommandFailed(f"database {command}", exit_code=done.returncode, output=done.stdout)

    def _definitions(self) -> dict[str, str]:
        """What the database was made from, with which passwords, and in which cluster."""
        digest = hashlib.sha256("".join(self._passwords().values()).encode())
        sources = [*self._root.glob("sql/**/*.sql"), *self._root.glob("infrastructure/migration*.py")]
        for path in sorted(sources):
            digest.update(str(path.relative_to(self._root)).encode() + b"\0" + path.read_bytes())
        made = (self._server.data_directory / "PG_VERSION").stat().st_mtime_ns  # written once, by initdb
        return {"sha256": digest.hexdigest(), "cluster": f"{self._server.data_directory} {made}"}
