"""`.funcignore` splits the checkout into what is deployed and what stays behind."""

import pytest
from pathspec import GitIgnoreSpec

from _paths import ROOT
from tests.unit.house.source import product_files

IGNORED = GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text("utf-8").splitlines())


def test_all_product_code_and_what_it_reads_is_deployed() -> None:
    names = ("sql", "triggers/reporting/templates", "triggers/serving/static", "triggers/serving/templates")
    folders = [ROOT / name for name in names]
    read = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    needed = [*product_files(), *read, ROOT / "host.json", ROOT / "requirements.txt", ROOT / "LICENSE"]
    assert [path for path in needed if IGNORED.match_file(path.relative_to(ROOT))] == []


def test_the_map_library_is_deployed_although_git_ignores_it() -> None:
    name = "triggers/serving/static/vendor/maplibre-gl.mjs"
    assert not IGNORED.match_file(name)
    assert GitIgnoreSpec.from_lines((ROOT / ".gitignore").read_text("utf-8").splitlines()).match_file(name)


@pytest.mark.parametrize(
    "name",
    [
        ".git/config",
        ".local/stack/x",
        ".venv/bin/python",
        "docs/README.md",
        "local.settings.json",
        "node_modules/azurite/package.json",
        "requirements-dev.txt",
        "tests/conftest.py",
        "tools/cli/main.py",
    ],
)
def test_what_only_developers_need_stays_behind(name: str) -> None:
    assert IGNORED.match_file(name)
