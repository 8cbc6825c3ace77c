"""The corpus: what is refused says why, and what is published comes back unchanged, by whatever door."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.task_models.vector_export import ExportFormat
from tests.acceptance.hub import Hub
from tests.acceptance.vector_corpus.comparing import differences
from tests.acceptance.vector_corpus.doors import exported, items
from tests.acceptance.vector_corpus.published import Ended
from tests.corpus.vector import CASES, Accepted, Case, Refused

# The stack of the tests takes GML and DXF; what such a file meets elsewhere is tested without it.
_BY_SETTING = (".gml", ".dxf")
OF_ONE_SETTING = {case.name for case in CASES if case.name.endswith(_BY_SETTING) and not case.extra_formats}

pytestmark = [
    pytest.mark.timeout(1200),  # the first test waits for the whole corpus
    pytest.mark.filterwarnings("ignore:Measured"),  # pyogrio gives layers with M another name
    pytest.mark.filterwarnings("ignore:Geometry column"),
    pytest.mark.filterwarnings("ignore:Integer values probably ranging out of 64bit"),  # numeric, in GeoJSON
    pytest.mark.filterwarnings("ignore:OGRGeoJSONReadRawPoint"),  # an empty point
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # the same, from C
]
Corpus = Mapping[str, Ended]

ACCEPTED = [case for case in CASES if isinstance(case.expected, Accepted)]
REFUSED = [case for case in CASES if isinstance(case.expected, Refused) and case.name not in OF_ONE_SETTING]
_EMPTY_IS_NULL = {ExportFormat.CSV, ExportFormat.FLATGEOBUF, ExportFormat.GEOJSON, ExportFormat.SHAPEFILE}
_OF_SHAPES = {"COLLECTION_DIVIDED", "DIMENSIONS_DROPPED", "MEASURES_DROPPED"}
_READ_BACK = set(ExportFormat) - {ExportFormat.PMTILES}
_BEYOND_A_FORMAT = {"a_thousand_columns.parquet": {"shp"}}  # a .dbf has room for 255


def _name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", REFUSED, ids=_name)
def test_a_bad_file_is_refused_with_a_code_and_a_remedy(corpus: Corpus, case: Case) -> None:
    ended = corpus[case.name]
    assert isinstance(case.expected, Refused)
    assert ended.status["status"] in ("failed", "refused")
    assert ended.error["code"] in case.expected.codes
    assert ended.error.get("remedy") or ended.error["remediation"]
    assert not ended.status.get("endpoints")


@pytest.mark.parametrize("case", ACCEPTED, ids=_name)
def test_the_items_are_the_features_of_the_table(hub: Hub, corpus: Corpus, case: Case) -> None:
    ended = corpus[case.name]
    assert ended.status["status"] == "completed", ended.status["error"]
    for collection, table in zip(ended.collections, ended.tables, strict=True):
        rows = ended.rows(hub, collection["collection_id"])
        assert len(rows) == table["feature_count"]
        assert (
            list(differences(rows, items(hub, collection["items"]), in_degrees=True, has_measures=False))
            == []
        )


@pytest.mark.parametrize("case", ACCEPTED, ids=_name)
def test_every_export_is_the_table_but_for_what_its_notes_say(
    hub: Hub, corpus: Corpus, case: Case, tmp_path: Path
) -> None:
    ended = corpus[case.name]
    unwritten = {each.value for each in ExportFormat} - set(ended.notes)
    assert unwritten <= _BEYOND_A_FORMAT.get(case.name, set()), ended.report["warnings"]
    for collection in ended.collections:
        rows = ended.rows(hub, collection["collection_id"])
        for kind in _READ_BACK - unwritten:
            path = _downloaded(hub, ended, kind, collection, tmp_path)
            excused = {_excused(note) for note in ended.notes[kind]}
            found = differences(
                rows,
                exported(kind, path),
                in_degrees=kind is ExportFormat.GEOJSON,
                has_measures=kind is not ExportFormat.GEOJSON,
                blank_is_null=kind is ExportFormat.CSV,
                empty_is_null=kind in _EMPTY_IS_NULL,
                outlines=kind is ExportFormat.SHAPEFILE,
            )
            assert [each for each in found if each.column not in excused] == [], (kind, ended.notes[kind])


def _excused(note: dict[str, Any]) -> str | None:
    """The column that may differ, None for the geometry; general remarks excuse nothing."""
    column: str | None = note["column"]
    return column if column or note["code"] in _OF_SHAPES else "nothing"


def _downloaded(
    hub: Hub, ended: Ended, name: ExportFormat, collection: dict[str, Any], directory: Path
) -> Path:
    """The file of one collection, which is made where the request's own holds several."""
    several = {"collection": collection["collection_id"]} if len(ended.collections) > 1 else {}
    answer = hub.get(ended.status["endpoints"]["download"], params={"f": name.value, **several})
    assert answer.status_code == 200, answer.text
    suffix = "zip" if name is ExportFormat.SHAPEFILE else name.value
    path = directory / f"{collection['collection_id']}.{suffix}"
    path.write_bytes(answer.content)
    return path
