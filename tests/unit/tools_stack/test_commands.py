"""The command line's own decisions: no services involved."""

from pathlib import Path

import click
import pytest

from tools.cli.platform_client import describe_problem
from tools.cli.submit_command import guess_type, identifier
from tools.cli.test_command import pytest_arguments


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["unit"], ["tests/unit"]),
        (["chaos", "-k", "kill"], ["tests/chaos", "-k", "kill"]),
        (["all"], [f"tests/{name}" for name in ("unit", "contract", "integration", "acceptance", "chaos")]),
    ],
)
def test_a_suite_is_run_in_full(arguments: list[str], expected: list[str]) -> None:
    assert pytest_arguments(arguments) == expected


def test_by_default_all_suites_without_what_is_slow() -> None:
    assert pytest_arguments(["-x"])[:3] == ["-m", "not slow", "tests/unit"]
    assert pytest_arguments(["-x"])[-2:] == ["tests/chaos", "-x"]


def test_an_unknown_suite_is_refused() -> None:
    with pytest.raises(click.UsageError, match="integration"):
        pytest_arguments(["integartion"])


def test_the_type_is_told_from_the_extension() -> None:
    assert guess_type(Path("a/Roads.GPKG")) == "vector"
    assert guess_type(Path("dem.tiff")) == "raster"
    with pytest.raises(click.UsageError, match="--type"):
        guess_type(Path("notes.txt"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Lake Levels (2024)", "lake-levels-2024"), ("..x", "x"), ("übersicht", "bersicht"), ("湖", "dataset")],
)
def test_identifiers_keep_to_the_contracts_letters(name: str, expected: str) -> None:
    assert identifier(name) == expected


def test_a_problem_is_told_with_code_fields_and_remedy() -> None:
    problem = {
        "code": "VALIDATION_ERROR",
        "detail": "The body is not valid.",
        "field_errors": [{"loc": ["body", "datset_id"], "msg": "unknown field; did you mean dataset_id?"}],
        "remediation": "Correct the field.",
    }
    assert describe_problem(problem).splitlines() == [
        "VALIDATION_ERROR The body is not valid.",
        "body.datset_id: unknown field; did you mean dataset_id?",
        "Remedy: Correct the field.",
    ]
