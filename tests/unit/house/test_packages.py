"""Names on the import path: nothing of ours hides a module of others, and nothing of theirs hides ours."""

import importlib.metadata
import subprocess
import sys
import sysconfig
from pathlib import Path

from _paths import ROOT

_OURS = {
    "_paths",
    "bootstrap",
    "config",
    "core",
    "function_app",
    "geo_platform",
    "infrastructure",
    "jobs",
    "services",
    "tools",
    "triggers",
}


def test_platform_is_a_folder_and_no_package() -> None:
    """With an `__init__.py` it would hide the standard library's `platform`, and the worker dies at start.

    Only in Azure's Premium plan: there the app's folder is the first on the import path.
    """
    assert [path.name for path in (ROOT / "platform").iterdir() if path.name != "__pycache__"] == [
        "geo_platform"
    ]


def test_platform_stays_the_standard_librarys() -> None:
    program = """
import platform, sys
sys.path.insert(0, sys.argv[1])
import _paths, geo_platform.router
import platform as again
assert again is platform
print(platform.__file__)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(ROOT)], capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()) == Path(sysconfig.get_path("stdlib")) / "platform.py"


def test_every_package_of_ours_is_regular() -> None:
    """A folder without `__init__.py` loses to any regular package of that name further down the path."""
    folders = {path.parent for top in _OURS for path in (ROOT / top).rglob("*.py")}
    folders |= {path.parent for path in (ROOT / "platform" / "geo_platform").rglob("*.py")}
    folders -= {ROOT / "tools" / "lab" / "app"}  # a folder of scripts, as Functions loads it
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_no_distribution_owns_a_name_of_ours() -> None:
    """Under Flex Consumption and Core Tools the app comes last on the import path, after site-packages."""
    taken = importlib.metadata.packages_distributions()
    assert {name: taken[name] for name in _OURS & taken.keys()} == {}
    assert _OURS & sys.stdlib_module_names == set()
