"""The documentation points at things that exist: `python -m tools.checks.docs`.

Relative links and their anchors, the commands of `./dev` that are named, and the `docs/...` files that code
and comments name.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click

from _paths import ROOT
from tools.cli.main import dev

_SOURCES = ("*.py", "*.sql", "*.json", "*.toml", "*.md", "*.sh", "*.bicep", "*.yml", "*.html")
_NOT_READ = {".git", ".local", ".venv", "node_modules", "tests"}  # tests name pages of their own making

_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
_COMMAND = re.compile(r"\./dev((?: [a-z][a-z-]*)+)")
_MENTION = re.compile(r"\bdocs/[\w./-]+\.md\b")


def pages(root: Path) -> list[Path]:
    """What people read."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def broken_links(page: Path) -> Iterator[str]:
    """The relative links of a page that lead nowhere."""
    for match in _LINK.finditer(_prose(page)):
        target = match[1] or match[2]
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"the link {target} leads nowhere"
        elif anchor and file.suffix == ".md" and anchor not in _anchors(file):
            yield f"the link {target} names no heading"


def _prose(page: Path) -> str:
    return _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them: lower case, no punctuation, hyphens for spaces, a number for a repeated one."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        copies = (f"{anchor}-{number}" for number in range(1, 100))
        found.add(anchor if anchor not in found else next(copy for copy in copies if copy not in found))
    return found


def unknown_commands(page: Path) -> Iterator[str]:
    """The `./dev` commands of a page that there are not."""
    context = click.Context(dev)
    for words in _COMMAND.findall(page.read_text(encoding="utf-8")):
        name, *rest = words.split()
        command = dev.get_command(context, name)
        if command is None:
            yield f"there is no ./dev {name}"
        elif isinstance(command, click.Group) and rest and command.get_command(context, rest[0]) is None:
            yield f"there is no ./dev {name} {rest[0]}"


def missing_pages(root: Path, file: Path) -> Iterator[str]:
    """The pages that a file names and that there are not."""
    for mention in sorted(set(_MENTION.findall(file.read_text(encoding="utf-8")))):
        if not (root / mention).exists():
            yield f"there is no {mention}"


def faults(root: Path = ROOT) -> Iterator[str]:
    """Everything that is wrong, with the file it is in."""
    for page in pages(root):
        for fault in (*broken_links(page), *unknown_commands(page)):
            yield f"{page.relative_to(root)}: {fault}"
    for file in _sources(root):
        yield from (f"{file.relative_to(root)}: {fault}" for fault in missing_pages(root, file))


def _sources(root: Path) -> list[Path]:
    folders = [entry for entry in root.iterdir() if entry.is_dir() and entry.name not in _NOT_READ]
    nested = (path for folder in folders for pattern in _SOURCES for path in folder.rglob(pattern))
    top = (path for pattern in _SOURCES for path in root.glob(pattern))
    return sorted({*top, *nested})


def main() -> int:
    """Print the faults; 1 when there are some."""
    found = list(faults())
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
