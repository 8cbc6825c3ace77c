"""What comes from npm: Azurite, and the data of the demo."""

import platform
import shutil
from pathlib import Path

from tools.cli.setup.commands import Commands, output_of

# The oldest Node on which Azurite was seen to work; some distributions have an older one.
_LEAST_NODE = 20
_NODE = "22.23.3"


def are_there(root: Path) -> bool:
    """Whether Azurite can be started."""
    return (root / "node_modules" / "azurite").is_dir() and _has_node(root)


def install(commands: Commands) -> None:
    """What `package-lock.json` names; and a Node where the machine's is too old for it."""
    if not _has_node(commands.root):
        machine = "arm64" if platform.machine() == "aarch64" else "x64"
        package = f"node-linux-{machine}@{_NODE}"
        commands.run("npm", "install", "--no-save", "--prefix", ".local/node", package)
    commands.run("npm", "ci", "--loglevel=error")


def _has_node(root: Path) -> bool:
    if any((root / ".local" / "node").glob("node_modules/node-linux-*/bin/node")):
        return True
    version = output_of("node", "--version") if shutil.which("node") else ""  # "v20.20.2"
    return bool(version) and int(version.removeprefix("v").split(".")[0]) >= _LEAST_NODE
