"""What the collection jobs plan, and that ten thousand files do not make it large."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from core.errors import InvalidRequest, PermanentTaskError
from core.models.job import Hole
from core.models.stage import StoredResult, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster import NamedClass, RasterClass
from core.task_models.raster_collection import (
    MAX_COLLECTION_FILES,
    MAX_GROUPS,
    MAX_MOSAICS,
    CollectionCog,
    CollectionFile,
    CollectionFileReport,
    GatherPartsParameters,
    ListedFiles,
    ProcessRasterCollectionParameters,
    RasterTraits,
    Refusal,
    ReportCollectionParameters,
)
from jobs.create_mosaic_json import CreateMosaicJson
from jobs.process_raster_collection import ProcessRasterCollection
from jobs.validate_raster_collection import ValidateRasterCollection

LISTING = "azure://silver/r/listing/t_a1.jsonl"


def results(stage: int, each: Sequence[BaseModel | Hole]) -> StageResults:
    """The results of a stage; a hole is a task that failed."""
    return StageResults.of(
        stage,
        [
            StoredResult(task_id=f"t{index}", task_index=index, hole=one)
            if isinstance(one, Hole)
            else StoredResult(task_id=f"t{index}", task_index=index, result=one.model_dump(mode="json"))
            for index, one in enumerate(each)
        ],
    )


def report(index: int, *, resolution: float = 10.0, **values: Any) -> CollectionFileReport:
    traits = RasterTraits(
        band_count=1,
        dtypes=("uint8",),
        crs="EPSG:32633",
        resolution=(resolution, resolution),
        classification=RasterClass.CONTINUOUS,
    )
    return CollectionFileReport(
        **{"listing_uri": LISTING, "index": index, "traits": traits, "pixel_bytes": 7} | values
    )


def refused(index: int) -> CollectionFileReport:
    refusal = Refusal(name=f"f{index}", uri="azure://bronze/f", code="CRS_MISSING", message="No CRS.")
    return report(index, traits=None, refusal=refusal)


def listed(count: int) -> ListedFiles:
    files = tuple(
        CollectionFile(name=f"f{n}", uri=f"azure://bronze/f{n}.tif", etag='"1"', size_bytes=1)
        for n in range(count)
    )
    return ListedFiles(listing_uri=LISTING, files=files)


def plan(job: Any, stage: int, previous: StageResults, **parameters: Any) -> list[TaskDefinition]:
    valid = job.validate_job_parameters({"target_prefix": "azure://silver/r", **parameters})
    return list(job.create_tasks_for_stage(stage, valid, previous))


def validation(stage: int, previous: StageResults) -> list[TaskDefinition]:
    return plan(ValidateRasterCollection, stage, previous, sources={"prefix": "bronze/x"})


def summed_up(*each: CollectionFileReport | Hole) -> ReportCollectionParameters:
    (definition,) = validation(3, results(2, each))
    assert isinstance(definition.parameters, ReportCollectionParameters)
    return definition.parameters


def processing(stage: int, previous: StageResults) -> list[TaskDefinition]:
    return plan(ProcessRasterCollection, stage, previous, files_uri=LISTING, max_failed_fraction=0.5)


def test_each_file_is_a_task_with_its_name() -> None:
    tasks = validation(2, results(1, [listed(3)]))
    assert [task.key for task in tasks] == ["f0", "f1", "f2"]
    assert [task.parameters.model_dump()["index"] for task in tasks] == [0, 1, 2]


def test_reports_are_summed_up_by_what_the_files_are() -> None:
    summary = summed_up(report(0), report(1), report(2, resolution=20), refused(3), report(4))
    assert [group.runs for group in summary.groups] == [((0, 2), (4, 1)), ((2, 1),)]
    assert [group.pixel_bytes for group in summary.groups] == [21, 7]
    assert [group.file_count for group in summary.groups] == [3, 1]
    assert [refusal.name for refusal in summary.refused] == ["f3"]
    assert summary.listing_uri == LISTING


def test_a_file_whose_worker_died_is_refused_like_others() -> None:
    hole = Hole(stage=2, task_index=1, task_key="f1", code="WORKER_CRASHED")
    summary = summed_up(report(0), hole, report(2))
    assert [(refusal.name, refusal.code) for refusal in summary.refused] == [("f1", "WORKER_CRASHED")]
    assert summary.groups[0].runs == ((0, 1), (2, 1))


def test_when_every_worker_died_the_report_says_so() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        summed_up(Hole(stage=2, task_index=0, task_key="f0", code="OUT_OF_MEMORY"))
    assert caught.value.code == "COLLECTION_FILES_REFUSED"
    assert "OUT_OF_MEMORY" in str(caught.value.context)


def test_a_warning_is_counted_once_for_each_file() -> None:
    summary = summed_up(report(0, warning_codes=("A", "B")), report(1, warning_codes=("A",)))
    assert summary.warning_counts == {"A": 2, "B": 1}


def test_ten_thousand_files_fit_into_one_task() -> None:
    good = MAX_COLLECTION_FILES - 500
    mixed = [report(n, resolution=10 + n % 50) for n in range(good)]
    summary = summed_up(*mixed, *(refused(n) for n in range(good, MAX_COLLECTION_FILES)))
    assert summary.refused_count == 500
    assert len(summary.model_dump_json()) < 256 * 1024
    assert sum(group.file_count for group in summary.groups) == good


def test_files_of_too_many_kinds_are_refused_as_such() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        summed_up(*(report(n, resolution=1 + n) for n in range(MAX_GROUPS + 1)))
    assert caught.value.code == "COLLECTION_TOO_MIXED"


def test_each_file_becomes_a_cog_of_the_version_that_was_listed() -> None:
    tasks = processing(2, results(1, [listed(2)]))
    assert [task.key for task in tasks] == ["f0", "f1"]
    assert tasks[1].parameters.model_dump()["cog"]["source_etag"] == '"1"'


def test_files_may_fail_as_far_as_the_parameters_say() -> None:
    parameters = ProcessRasterCollectionParameters(
        files_uri=LISTING, target_prefix="azure://silver/r", max_failed_fraction=0.1
    )
    policy = ProcessRasterCollection.failure_policy(2, parameters)
    assert policy is not None
    assert policy.allowed_of(40) == 4
    assert ProcessRasterCollection.failure_policy(3, parameters) is None


def test_what_failed_is_named_and_ten_thousand_parts_fit_into_one_task() -> None:
    made = [
        CollectionCog(name=f"f{n}", part_uri=f"azure://silver/r/records/0123456789ab_s2_{n:04}_a1.json")
        for n in range(MAX_COLLECTION_FILES - 150)
    ]
    holes = [Hole(stage=2, task_index=n, task_key=f"h{n}", code="RASTER_UNREADABLE") for n in range(150)]
    (task,) = processing(3, results(2, [*made, *holes]))
    gathering = task.parameters
    assert isinstance(gathering, GatherPartsParameters)
    assert gathering.part_names[0] == "0123456789ab_s2_0000_a1.json"
    assert (gathering.missing_count, len(gathering.missing)) == (150, 100)
    assert gathering.missing[0].name == "h0"
    assert len(gathering.model_dump_json()) < 512 * 1024


@pytest.mark.parametrize("sources", [{}, {"prefix": "bronze/a", "pattern": "bronze/*"}, {"paths": []}])
def test_sources_are_named_in_exactly_one_way(sources: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        ValidateRasterCollection.validate_job_parameters(
            {"sources": sources, "target_prefix": "azure://silver/r"}
        )


def named(*classes: tuple[int, str]) -> tuple[NamedClass, ...]:
    return tuple(NamedClass(value=value, name=name) for value, name in classes)


def test_the_names_of_classes_are_gathered_and_the_first_stays() -> None:
    reports = [
        report(0, classes=named((5, "forest"), (1, "water"))),
        report(1, classes=named((1, "lake"), (5, "forest"))),
        report(2),
    ]
    (task,) = validation(3, results(2, reports))
    found = task.parameters
    assert isinstance(found, ReportCollectionParameters)
    assert found.classes == named((1, "water"), (5, "forest"))
    assert found.contested == (1,)


def test_no_more_classes_are_gathered_than_a_legend_can_hold() -> None:
    reports = [
        report(0, classes=named(*((n, "a") for n in range(200)))),
        report(1, classes=named(*((n, "b") for n in range(100, 300)))),
    ]
    (task,) = validation(3, results(2, reports))
    assert isinstance(task.parameters, ReportCollectionParameters)
    assert len(task.parameters.classes) == 256
    assert task.parameters.contested == tuple(range(100, 200))


MOSAICS = [{"file_count": 3, "classification": "rgb"}, {"file_count": 2, "classification": "dem"}]


def split_processing(stage: int, previous: StageResults) -> list[TaskDefinition]:
    asked = {"files_uri": LISTING, "max_failed_fraction": 1, "classification": "rgb", "mosaics": MOSAICS}
    return plan(ProcessRasterCollection, stage, previous, **asked)


def gathered(*failed: int) -> GatherPartsParameters:
    """What is gathered of five files when these fail."""
    each = [
        Hole(stage=2, task_index=n, task_key=f"f{n}", code="RASTER_UNREADABLE")
        if n in failed
        else CollectionCog(name=f"f{n}", part_uri=f"azure://silver/r/records/{n}.json")
        for n in range(5)
    ]
    (task,) = split_processing(3, results(2, each))
    assert isinstance(task.parameters, GatherPartsParameters)
    return task.parameters


def told(gathering: GatherPartsParameters) -> list[tuple[int, str, str]]:
    """The number of each mosaic, its parts, and the files that it lacks."""
    return [
        (
            each.mosaic,
            "".join(name[0] for name in each.part_names),
            "".join(part.name[1:] for part in each.missing),
        )
        for each in (gathering, *gathering.others)
    ]


def test_each_file_is_taken_as_what_its_mosaic_is() -> None:
    tasks = split_processing(2, results(1, [listed(5)]))
    assert [task.parameters.model_dump()["cog"]["classification"] for task in tasks] == ["rgb"] * 3 + [
        "dem"
    ] * 2


def test_the_parts_of_each_mosaic_are_gathered_with_what_it_lacks() -> None:
    assert told(gathered()) == [(0, "012", ""), (1, "34", "")]
    assert told(gathered(1, 4)) == [(0, "02", "1"), (1, "3", "4")]


def test_of_what_nothing_was_made_there_is_no_mosaic_and_the_first_tells() -> None:
    assert told(gathered(0, 3, 4)) == [(0, "12", "034")]
    assert told(gathered(0, 1, 2)) == [(1, "34", "012")]
    assert told(gathered(*range(5))) == [(0, "", "01234")]


def test_names_of_classes_are_kept_by_kind_where_the_files_may_be_split() -> None:
    reports = [
        report(0, classes=named((1, "water"))),
        report(1, resolution=20, classes=named((1, "clay"))),
        report(2, resolution=20, classes=named((1, "loam"))),
        report(3),
    ]
    (task,) = plan(
        ValidateRasterCollection, 3, results(2, reports), sources={"prefix": "bronze/x"}, on_mixed="split"
    )
    found = task.parameters
    assert isinstance(found, ReportCollectionParameters)
    assert [group.classes for group in found.groups] == [named((1, "water")), named((1, "clay"))]
    assert [group.contested for group in found.groups] == [(), (1,)]
    assert all(group.classes == () for group in summed_up(*reports).groups)


def test_as_many_legends_are_kept_as_there_can_be_mosaics() -> None:
    reports = [report(n, resolution=1 + n, classes=named((1, "a"))) for n in range(MAX_MOSAICS + 5)]
    (task,) = plan(
        ValidateRasterCollection, 3, results(2, reports), sources={"prefix": "bronze/x"}, on_mixed="split"
    )
    assert isinstance(task.parameters, ReportCollectionParameters)
    assert sum(bool(group.classes) for group in task.parameters.groups) == MAX_MOSAICS


def test_other_mosaics_are_tasks_of_the_same_job_and_stand_beside_the_first() -> None:
    asked = {
        "parts_uri": "azure://silver/a",
        "others": [{"parts_uri": "azure://silver/b", "target_prefix": "azure://silver/r"}],
    }
    first, second = plan(CreateMosaicJson, 1, StageResults.none(), **asked)
    assert [task.parameters.model_dump()["parts_uri"] for task in (first, second)] == [
        "azure://silver/a",
        "azure://silver/b",
    ]
    assert first.parameters.model_dump()["others"] == ()
    made = StageResults.of(
        1, [StoredResult(task_id=f"t{n}", task_index=n, result={"number": n}) for n in range(3)]
    )
    assert CreateMosaicJson.finalize_job(None, made) == {
        "number": 0,
        "others": [{"number": 1}, {"number": 2}],
    }
    alone = StageResults.of(1, [StoredResult(task_id="t", task_index=0, result={"number": 0})])
    assert CreateMosaicJson.finalize_job(None, alone) == {"number": 0}
