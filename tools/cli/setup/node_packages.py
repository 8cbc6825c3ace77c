"""What comes from npm: Azurite, the data of the demo, and the map library of the page."""

import platform
import shutil
from pathlib import Path

from tools.cli.setup.commands import Commands, output_of

# The oldest Node on which Azurite was seen to work; some distributions have an older one.
_LEAST_NODE = 20
_NODE = "22.23.3"

# Below node_modules/maplibre-gl: what the page's map needs, with its licence; package.json pins the version.
_MAP_LIBRARY = (
    "dist/maplibre-gl.mjs",
    "dist/maplibre-gl-worker.mjs",
    "dist/maplibre-gl.css",
    "LICENSE.txt",
)
_VENDOR = Path("triggers/serving/static/vendor")


def are_there(root: Path) -> bool:
    """Whether Azurite can be started, and the page has its map."""
    has_map = all((root / _VENDOR / Path(name).name).is_file() for name in _MAP_LIBRARY)
    return has_map and (root / "node_modules" / "azurite").is_dir() and _has_node(root)


def install(commands: Commands) -> None:
    """What `package-lock.json` names; and a Node where the machine's is too old for it."""
    if not _has_node(commands.root):
        machine = "arm64" if platform.machine() == "aarch64" else "x64"
        package = f"node-linux-{machine}@{_NODE}"
        commands.run("npm", "install", "--no-save", "--prefix", ".local/node", package)
    commands.run("npm", "ci", "--loglevel=error")
    copy_map_library(commands.root)


def copy_map_library(root: Path) -> None:
    """MapLibre GL's files to where they are served from: ignored by git, and a part of deployments."""
    vendor = root / _VENDOR
    vendor.mkdir(parents=True, exist_ok=True)
    for name in _MAP_LIBRARY:
        shutil.copy(root / "node_modules" / "maplibre-gl" / name, vendor)


def _has_node(root: Path) -> bool:
    if any((root / ".local" / "node").glob("node_modules/node-linux-*/bin/node")):
        return True
    version = output_of("node", "--version") if shutil.which("node") else ""  # "v20.20.2"
    return bool(version) and int(version.removeprefix("v").split(".")[0]) >= _LEAST_NODE
