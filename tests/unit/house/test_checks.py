"""The checks of `./dev check` that are our own: what they find, and what they leave alone."""

import ast
import re
from pathlib import Path

import pytest

from _paths import ROOT
from infrastructure.migrations import ROLE_PASSWORDS
from tests.unit.house.source import tree
from tools.checks import docs, settings_page


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "adr").mkdir(parents=True)
    (tmp_path / "docs" / "adr" / "0001-first.md").write_text(
        "# First\n\n## A `b`, and c!\n\n## Twice\n\n## Twice\n"
    )
    return tmp_path


def _faults(site: Path, text: str) -> list[str]:
    (site / "README.md").write_text(text, encoding="utf-8")
    return list(docs.faults(site))


@pytest.mark.parametrize(
    "text",
    [
        "[a](docs/adr/0001-first.md)",
        "[a](docs/adr/0001-first.md#a-b-and-c) [b](docs/adr/0001-first.md#twice-1)",
        "[a](docs/adr/) [b](https://example.com/x.md) [c](mailto:a@b.c)",
        "`[a](nowhere.md)`",
        "```\n[a](nowhere.md)\n```",
        "./dev demo --stop, ./dev db psql, ./dev test unit",
        "# Here\n[a](#here)",
    ],
)
def test_what_exists_is_no_fault(site: Path, text: str) -> None:
    assert _faults(site, text) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a](nowhere.md)", "README.md: the link nowhere.md leads nowhere"),
        ("[a]: nowhere.md", "README.md: the link nowhere.md leads nowhere"),
        ("![a](<no-picture.png>)", "README.md: the link no-picture.png leads nowhere"),
        ("[a](#nowhere)", "README.md: the link #nowhere names no heading"),
        ("[a](docs/adr/0001-first.md#x)", "README.md: the link docs/adr/0001-first.md#x names no heading"),
        ("`./dev launch`", "README.md: there is no ./dev launch"),
        ("```\n./dev db drop\n```", "README.md: there is no ./dev db drop"),
        ("see docs/adr/0002-next.md", "README.md: there is no docs/adr/0002-next.md"),
    ],
)
def test_what_does_not_exist_is_a_fault(site: Path, text: str, fault: str) -> None:
    assert _faults(site, text) == [fault]


def test_pages_that_code_names_must_exist(site: Path) -> None:
    (site / "core").mkdir()
    (site / "core" / "a.py").write_text('"""See docs/adr/0003-none.md."""')
    assert _faults(site, "") == ["core/a.py: there is no docs/adr/0003-none.md"]


def test_every_setting_says_what_it_means() -> None:
    settings = settings_page.settings_of_config()
    assert len(settings) > 25
    assert [setting.name for setting in settings if not setting.meaning] == []
    assert len({setting.name for setting in settings}) == len(settings)


def test_the_settings_page_is_up_to_date() -> None:
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.page()


def test_the_settings_page_names_what_migrations_read() -> None:
    migrations = tree(ROOT / "infrastructure" / "migrations.py")
    strings = {node.value for node in ast.walk(migrations) if isinstance(node, ast.Constant)}
    urls = {name for name in strings if isinstance(name, str) and re.fullmatch(r"DATABASE_\w+_URL", name)}
    named = set(re.findall(r"^\| `(\w+)` \| `", settings_page.page(), re.MULTILINE))
    assert urls | set(ROLE_PASSWORDS.values()) <= named
