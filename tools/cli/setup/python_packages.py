"""The virtual environment, what is in it, and GDAL's bindings built against the system's libgdal."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tools.cli.setup.commands import Commands, SetupFailed, output_of

REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")


def environment_is_there(root: Path) -> bool:
    """Whether there is an environment, and the Python that it was made from."""
    return (root / ".venv" / "bin" / "python").exists() and is_installed(root, "pip")


def is_installed(root: Path, package: str) -> bool:
    """Whether the environment holds the package, in whatever version."""
    return any(root.glob(f".venv/lib/python3.*/site-packages/{package}/__init__.py"))


def make_environment(commands: Commands) -> None:
    """A new environment in `.venv`, unless there is one."""
    if not environment_is_there(commands.root):
        commands.run(sys.executable, "-m", "venv", "--clear", ".venv")


def install_packages(commands: Commands) -> None:
    """Exactly the pinned versions."""
    _pip(commands, *[part for name in REQUIREMENTS for part in ("-r", name)])


def install_bindings(commands: Commands) -> None:
    """Build the bindings of the system's libgdal, unless they are there.

    They are built beside the numpy that they will run with. In a build environment of its own pip
    would build them without numpy, and say nothing.
    """
    if _bindings_work(commands.root):
        return
    _pip(commands, "setuptools", "wheel")
    options = [
        "--force-reinstall",
        "--no-build-isolation",
        "--no-cache-dir",
        "--no-deps",
        "--no-binary",
        "GDAL",
    ]
    flags = _headers_of_our_numpy(commands.root)
    _pip(commands, *options, f"GDAL=={gdal_version()}", environment={"CFLAGS": flags})
    if not _bindings_work(commands.root):
        raise SetupFailed("GDAL's bindings were built, but do not work with numpy")


def _headers_of_our_numpy(root: Path) -> str:
    """A compiler flag. Debian's python3-numpy puts the headers of an older numpy beside Python's own."""
    include = output_of(_python(root), "-P", "-c", "import numpy; print(numpy.get_include())")
    return f"-I{include} {os.environ.get('CFLAGS', '')}".strip()


def gdal_version() -> str:
    """The version of the system's libgdal; empty without one."""
    return output_of("gdal-config", "--version")


def _bindings_work(root: Path) -> bool:
    code = "from osgeo import gdal, gdal_array; print(gdal.__version__)"
    return output_of(_python(root), "-P", "-c", code) == gdal_version()


def _pip(commands: Commands, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
    command = [_python(commands.root), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    commands.run(*command, environment=environment)


def _python(root: Path) -> str:
    return str(root / ".venv" / "bin" / "python")
