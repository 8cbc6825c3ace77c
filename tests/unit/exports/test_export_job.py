"""The plan of `export_vector`, and the names and notes of its files."""

import zipfile
from pathlib import Path

from core.models.job import Hole
from core.models.stage import BEST_EFFORT, FAIL_FAST, StoredResult
from core.stage_results import StageResults
from core.task_models.vector_export import ExportFormat, ExportTable, ExportVectorParameters
from jobs.export_vector import ExportVector
from services.vector.export.notes import Notes
from services.vector.export.places import file_names, zipped

TABLE = ExportTable(
    db_schema="geo",
    table="t",
    name="roads",
    collection_id="city",
    title="City",
    srid=4326,
    geometry_type="LineString",
    feature_count=1,
    columns=(),
)


def parameters(*formats: ExportFormat, is_required: bool = False) -> ExportVectorParameters:
    return ExportVectorParameters(
        tables=(TABLE,),
        formats=formats,
        target_prefix="azure://silver/x",
        request_id="r",
        is_required=is_required,
    )


def test_every_format_is_a_task_once() -> None:
    asked = parameters(ExportFormat.CSV, ExportFormat.GEOPACKAGE, ExportFormat.CSV)
    tasks = list(ExportVector.create_tasks_for_stage(1, asked, StageResults.none()))
    assert [task.key for task in tasks] == ["csv", "gpkg"]
    assert {task.parameters.model_dump()["name"] for task in tasks} == {"city"}


def test_a_format_that_cannot_be_written_fails_the_job_only_where_it_must() -> None:
    assert ExportVector.failure_policy(1, parameters(ExportFormat.CSV)) is BEST_EFFORT
    assert ExportVector.failure_policy(1, parameters(ExportFormat.CSV, is_required=True)) is FAIL_FAST


def test_what_is_left_out_is_a_warning() -> None:
    hole = Hole(stage=1, task_index=0, task_key="shp", code="FORMAT_LIMIT")
    result = ExportVector.finalize_job(
        parameters(ExportFormat.SHAPEFILE),
        StageResults.of(1, [StoredResult(task_id="t", task_index=0, hole=hole)]),
    )
    assert result == {
        "exports": [],
        "warnings": ["The data could not be written as shp (FORMAT_LIMIT)."],
    }


def test_names_of_files_are_safe_and_differ() -> None:
    names = ["../../etc/passwd", "a/b", "A b", "a_b", "", "..", "Straße", "x" * 100]
    assert file_names(names) == [
        "etc_passwd", "a_b", "A_b_2", "a_b_3", "layer", "layer_2", "Straße", "x" * 60,
    ]  # fmt: skip


def test_the_same_files_give_the_same_archive(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "b.txt").write_text("b")
    (tmp_path / "files" / "a.txt").write_text("a")
    zipped(tmp_path / "files", tmp_path / "1.zip")
    (tmp_path / "files" / "a.txt").touch()
    zipped(tmp_path / "files", tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert archive.namelist() == ["a.txt", "b.txt"]


def test_notes_stand_once_and_counts_add_up() -> None:
    notes = Notes()
    for number in (2, 0, 3):
        notes.say("NAME_CUT", "Cut.", column="a")
        notes.count("TEXT_CUT", number, "texts are cut.", column="a")
    notes.count("NAN_AS_NULL", 0, "values.", column="a")
    assert [(note.code, note.message) for note in notes.all()] == [
        ("NAME_CUT", "Cut."),
        ("TEXT_CUT", "5 texts are cut."),
    ]


def test_no_more_notes_than_anybody_reads() -> None:
    notes = Notes()
    for number in range(1000):
        notes.say("NAME_CUT", "Cut.", column=f"c{number}")
    assert len(notes.all()) == 201
    assert notes.all()[-1].message.startswith("800 more")
