"""The reference of vectors names all options, formats, reasons, steps and findings that there are."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from _paths import ROOT
from core.task_models.vector import RejectReason
from core.task_models.vector_export import ExportFormat
from geo_platform.vector_processing import VectorProcessing
from services.vector.declared import EXTENSIONS
from tests.unit.house.source import tree
from triggers.reporting import wording

PAGE = (ROOT / "docs" / "reference" / "vectors.md").read_text("utf-8")
FILES = sorted((ROOT / "services" / "vector").rglob("*.py"))
INGESTING = [path for path in FILES if "export" not in path.parts]
EXPORTING = [path for path in FILES if "export" in path.parts]


def listed(title: str) -> set[str]:
    """The words in code in the first cells of the rows under a heading."""
    (section,) = re.findall(rf"^##+ {title}$(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    cells = re.findall(
        r"^\| (.+?) \|", re.sub(r"^.*\n\|---", "|---", section, flags=re.MULTILINE), re.MULTILINE
    )
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def calls(paths: list[Path]) -> Iterator[ast.Call]:
    for path in paths:
        yield from (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def written_out(values: list[ast.expr]) -> Iterator[str]:
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def said_codes() -> set[str]:
    """The codes of findings, where they are written out in the call."""
    found = set[str]()
    for call in calls(INGESTING):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        codes = {"Finding": [each.value for each in call.keywords if each.arg == "code"]}
        codes |= dict.fromkeys(("info", "warning"), call.args[:1])
        found |= set(written_out(codes.get(name, [])))
    return found


def first_words(paths: list[Path], *methods: str) -> Iterator[tuple[str, int]]:
    """What is written out as the first argument of these methods, and how many arguments there are."""
    for call in calls(paths):
        if isinstance(call.func, ast.Attribute) and call.func.attr in methods:
            yield from ((word, len(call.args)) for word in written_out(call.args[:1]))


def counted_steps() -> set[str]:
    """The steps of the cleaning, where they are written out in the call."""
    return {step for step, arguments in first_words(INGESTING, "count") if arguments == 3}


def noted_codes() -> set[str]:
    """The notes of exports, where they are written out in the call."""
    return {code for code, _ in first_words(EXPORTING, "say", "count") if code.isupper()}


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Options", set(VectorProcessing.model_fields)),
        ("Reject reasons", {reason.value for reason in RejectReason}),
        ("Exports", {*ExportFormat, "rejects"}),
    ],
)
def test_the_words_of_the_models_are_listed(title: str, words: set[str]) -> None:
    assert listed(title) == words


def test_every_extension_is_listed() -> None:
    assert set(EXTENSIONS) <= set(re.findall(r"`(\.[a-z.]+)`", PAGE))


def test_every_finding_is_listed() -> None:
    source = "\n".join(path.read_text("utf-8") for path in INGESTING)
    assert said_codes() - listed("Findings") == set()
    assert {code for code in listed("Findings") if f'"{code}"' not in source} == set()


def test_every_note_is_listed() -> None:
    source = "\n".join(path.read_text("utf-8") for path in EXPORTING)
    assert noted_codes() - listed("Notes") == set()
    assert {code for code in listed("Notes") if f'"{code}"' not in source} == set()


def test_every_step_is_listed_and_has_a_name_for_people() -> None:
    assert counted_steps() - listed("Steps") == set()
    assert listed("Steps") - set(wording.STEPS) == set()
