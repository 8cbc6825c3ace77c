"""The command line's own decisions: no services involved."""

from pathlib import Path

import click
import pytest

from tools.cli.platform_client import Submission, describe_problem
from tools.cli.submit_command import files_in, guess_type, identifier, processing_config
from tools.cli.test_command import pytest_arguments


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["unit"], ["tests/unit"]),
        (["chaos", "-k", "kill"], ["tests/chaos", "-k", "kill"]),
    ],
)
def test_a_suite_is_run_in_full(arguments: list[str], expected: list[str]) -> None:
    assert pytest_arguments(arguments) == expected


def test_several_suites_run_side_by_side_unless_asked_otherwise() -> None:
    suites = [f"tests/{name}" for name in ("unit", "contract", "integration", "acceptance", "chaos")]
    for arguments in (pytest_arguments(["all", "-n", "0"]), pytest_arguments(["-n", "0"])):
        assert "--numprocesses=auto" in arguments
        assert arguments[-7:] == [*suites, "-n", "0"]


def test_by_default_all_suites_without_what_is_slow() -> None:
    assert pytest_arguments(["-x"])[:2] == ["-m", "not slow"]
    assert pytest_arguments(["-x"])[-2:] == ["tests/chaos", "-x"]


def test_an_unknown_suite_is_refused() -> None:
    with pytest.raises(click.UsageError, match="integration"):
        pytest_arguments(["integartion"])


def test_the_type_is_told_from_the_extension() -> None:
    assert guess_type(Path("a/Roads.GPKG")) == "vector"
    assert guess_type(Path("dem.tiff")) == "raster"
    with pytest.raises(click.UsageError, match="--type"):
        guess_type(Path("notes.txt"))


def test_a_folder_stands_for_the_rasters_below_it(tmp_path: Path) -> None:
    (tmp_path / "north").mkdir()
    (tmp_path / "empty").mkdir()
    for name in ("b.tif", "north/a.JP2", "readme.md", "roads.gpkg"):
        (tmp_path / name).touch()
    folder = tmp_path.name
    assert [name for _, name in files_in(tmp_path)] == [
        f"uploads/{folder}/b.tif",
        f"uploads/{folder}/north/a.JP2",
    ]
    assert list(files_in(tmp_path / "readme.md")) == [(tmp_path / "readme.md", "uploads/readme.md")]
    with pytest.raises(click.UsageError, match="no rasters"):
        list(files_in(tmp_path / "empty"))


def test_options_are_json_where_they_can_be() -> None:
    given = ["tile_size=4096", "generate_tile_cache=true", 'products=["slope"]', "target_crs=EPSG:3857"]
    assert processing_config(given) == {
        "tile_size": 4096,
        "generate_tile_cache": True,
        "products": ["slope"],
        "target_crs": "EPSG:3857",
    }
    with pytest.raises(click.UsageError, match="NAME=VALUE"):
        processing_config(["tile_size"])


def test_a_collection_is_submitted_by_its_names() -> None:
    submission = Submission("d", "r", "v1", "raster_collection", blob_paths=("bronze/a.tif",))
    assert submission.body()["blob_paths"] == ["bronze/a.tif"]
    assert "source_path" not in submission.body()


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
