"""Which PostgreSQL of this machine the private cluster runs."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.stack.errors import MissingProgram

_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """The programs of one major version that has PostGIS."""

    major: int
    directory: Path

    def path(self, program: str) -> str:
        """The full path of `initdb`, `postgres`, `psql`, ..."""
        return str(self.directory / program)


def find_programs(*, major: int | None = None) -> PostgresPrograms:
    """The newest installed version with PostGIS, or the given one; MissingProgram where there is none."""
    found = [programs for programs in _installed() if major in (None, programs.major)]
    if not found:
        raise MissingProgram(f"PostgreSQL {major or ''} with PostGIS".replace("  ", " "))
    return max(found, key=lambda programs: programs.major)


def _installed() -> list[PostgresPrograms]:
    candidates = [path.parent for path in _DEBIAN.glob("*/bin/postgres")]
    if on_path := shutil.which("pg_config"):
        candidates.append(Path(_pg_config(on_path, "--bindir")))
    return [
        PostgresPrograms(major=_major(directory), directory=directory)
        for directory in candidates
        if (directory / "initdb").exists() and _has_postgis(directory)
    ]


def _has_postgis(directory: Path) -> bool:
    if directory.is_relative_to(_DEBIAN):  # Debian's pg_config is not in every installation of the server
        share = Path("/usr/share/postgresql") / directory.parent.name
    else:
        share = Path(_pg_config(str(directory / "pg_config"), "--sharedir"))
    return (share / "extension" / "postgis.control").exists()


def _major(directory: Path) -> int:
    if directory.is_relative_to(_DEBIAN):
        return int(directory.parent.name)
    version = _pg_config(str(directory / "pg_config"), "--version")  # "PostgreSQL 16.4 (...)"
    return int(version.split()[1].split(".")[0])


def _pg_config(program: str, option: str) -> str:
    return subprocess.run([program, option], capture_output=True, text=True, check=True).stdout.strip()
