"""What comes from the distribution: PostgreSQL with PostGIS, GDAL, build tools, Node."""

import importlib.util
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.cli.setup.commands import CannotBeRoot, Commands, SetupFailed, output_of
from tools.stack.errors import MissingProgram
from tools.stack.postgres_programs import find_programs

_WANTED_POSTGRES = 15
_LEAST_POSTGRES = 14

# Debian's server packages make and start a cluster when they are installed, unless told not to.
_NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/geo-platform-dev.conf")


@dataclass(frozen=True, slots=True)
class Need:
    """Something the checkout needs, how to see that it is there, and the packages that bring it."""

    what: str
    is_there: Callable[[], bool]
    packages: Callable[[], list[str]]


def needs() -> list[Need]:
    """All that comes from the distribution."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [
        Need("a C++ compiler", _on_path("g++", "make"), lambda: ["build-essential"]),
        Need("Python's headers", _has_python_headers, lambda: [f"{python}-dev"]),
        Need("Python's venv", _has_venv, lambda: [f"{python}-venv"]),
        Need("GDAL", _on_path("gdal-config"), lambda: ["libgdal-dev"]),
        # tests and benches compare the platform with them
        Need("GDAL's programs", _on_path("gdalinfo", "ogr2ogr"), lambda: ["gdal-bin"]),
        Need("PostgreSQL with PostGIS", _has_postgres, _postgres_packages),
        Need("Node and npm", _on_path("node", "npm"), lambda: ["nodejs", "npm"]),
    ]


def missing() -> list[Need]:
    """What is not there."""
    return [need for need in needs() if not need.is_there()]


def install(commands: Commands) -> None:
    """Install what is missing; no cluster of the distribution's PostgreSQL is made or started."""
    lacking = missing()
    if not lacking:
        return
    names = ", ".join(need.what for need in lacking)
    if not shutil.which("apt-get"):
        raise SetupFailed(f"Missing: {names}. This is no Debian or Ubuntu: install them, then repeat.")
    try:
        commands.as_root("apt-get", "update")
    except CannotBeRoot as exc:
        raise SetupFailed(_instructions(lacking)) from exc
    packages = _packages(lacking)
    _forbid_system_cluster(commands)
    try:
        commands.as_root(*_APT_INSTALL, *packages)
    finally:
        commands.as_root("rm", "-f", str(_NO_CLUSTER))
    if still := [need.what for need in missing()]:
        raise SetupFailed(f"Still missing after installing {' '.join(packages)}: {', '.join(still)}")


def _instructions(lacking: list[Need]) -> str:
    """For a person who has to ask somebody else."""
    names = ", ".join(need.what for need in lacking)
    packages = " ".join(_packages(lacking))
    return (
        f"Missing: {names}.\nInstalling needs root, and sudo cannot be used from here. "
        "Have this run, then repeat:\n\n"
        f"  apt-get update && apt-get install -y --no-install-recommends {packages}\n\n"
        "The server packages of PostgreSQL make a cluster of their own. The platform does not use it;\n"
        f"to have none made, put the line `create_main_cluster = false` into {_NO_CLUSTER} first."
    )


def _packages(lacking: list[Need]) -> list[str]:
    return [package for need in lacking for package in need.packages()]


_APT_INSTALL = (
    *("env", "DEBIAN_FRONTEND=noninteractive"),
    *("apt-get", "install", "-y", "--no-install-recommends"),
)


def _forbid_system_cluster(commands: Commands) -> None:
    """Only while our packages are installed: what the machine's owner installs later is not our affair."""
    script = f"mkdir -p {_NO_CLUSTER.parent} && echo 'create_main_cluster = false' > {_NO_CLUSTER}"
    commands.as_root("sh", "-c", script)


def _postgres_packages() -> list[str]:
    """Server and PostGIS of the newest version that the distribution offers."""
    listed = output_of("apt-cache", "search", "--names-only", r"^postgresql-[0-9]+-postgis-3$")
    versions = [int(version) for version in re.findall(r"^postgresql-(\d+)-", listed, re.MULTILINE)]
    if not versions:  # no package lists yet
        return ["postgresql", "postgresql-postgis"]
    newest = max(versions)
    if newest < _LEAST_POSTGRES:
        raise SetupFailed(
            f"No PostgreSQL >= {_LEAST_POSTGRES} with PostGIS is offered by this system's packages"
        )
    if newest < _WANTED_POSTGRES:
        print(f"\n  PostgreSQL {newest} will do; the platform is tested on {_WANTED_POSTGRES} and later")
    return [f"postgresql-{newest}", f"postgresql-{newest}-postgis-3"]


def _has_postgres() -> bool:
    try:
        return find_programs().major >= _LEAST_POSTGRES
    except MissingProgram:
        return False


def _on_path(*programs: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(program) for program in programs)


def _has_python_headers() -> bool:
    return (Path(sysconfig.get_path("include")) / "Python.h").exists()


def _has_venv() -> bool:
    return importlib.util.find_spec("ensurepip") is not None
