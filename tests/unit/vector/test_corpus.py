"""Every file of the corpus at the first doors: admitted and read, or refused, as it is written beside it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import PermanentTaskError
from core.task_models.vector import VectorReading
from services.vector.admission import admit, private_path
from services.vector.columns import plan_columns
from services.vector.source import SourceLayer
from tests.corpus.vector import CASES, Accepted, Case, Door, Refused
from tests.corpus.vector.asking import asked
from tests.unit.vector.conftest import read_layer

_WHILE_READING = {"curves"}
_AFTER_READING = {"LAYER_EMPTY"}


@dataclass(frozen=True, slots=True)
class Layer:
    """What was read of a layer."""

    name: str
    rows: int
    nulls: int
    columns: dict[str, str]
    names: dict[str, str]
    has_ids: bool
    findings: set[str]
    steps: Counter[str]


def _read(case: Case, tmp_path: Path) -> list[Layer]:
    """The layers that have features."""
    made = tmp_path / "made"
    made.mkdir()
    case.write(made / case.file_name)
    source = tmp_path / "source"
    source.mkdir()
    path = private_path(case.file_name, source, extra_formats=case.extra_formats)
    (made / case.file_name).rename(path)
    reading = VectorReading.model_validate(asked(case)["reading"])
    layers = [
        _layer(each, reading) for each in admit(path, uri=f"azure://in/{case.file_name}", reading=reading)
    ]
    return [each for each in layers if each.rows]


def _layer(layer: SourceLayer, reading: VectorReading) -> Layer:
    read = read_layer(layer, reading)
    own = {read.geometry_column, read.fid_column}
    planned = plan_columns(field for field in read.rows.schema if field.name not in own)
    return Layer(
        name=read.name,
        rows=read.rows.num_rows,
        nulls=read.rows.column(read.geometry_column).null_count,
        columns={column.source_name: column.sql_type for column in planned},
        names={column.source_name: column.name for column in planned},
        has_ids=read.fid_column is not None,
        findings=set(read.codes),
        steps=sum((Counter({step.step: step.count}) for step in read.steps), Counter[str]()),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_corpus_at_the_first_doors(case: Case, tmp_path: Path) -> None:
    match case.expected:
        case Refused() as refused:
            _check_refused(case, refused, tmp_path)
        case Accepted() as accepted:
            _check_accepted(_read(case, tmp_path), accepted)


def _check_refused(case: Case, refused: Refused, tmp_path: Path) -> None:
    error = _error(case, tmp_path)
    if error is None:
        assert refused.door is not Door.READING
    else:
        assert error.code in refused.codes
        assert error.remedy


def _error(case: Case, tmp_path: Path) -> PermanentTaskError | None:
    try:
        _read(case, tmp_path)
    except PermanentTaskError as error:
        return error
    return None


def _check_accepted(layers: list[Layer], accepted: Accepted) -> None:
    rows, nulls = Counter[str](), Counter[str]()
    for table in accepted.tables:
        rows[table.layer] += table.read
        nulls[table.layer] += table.nulls
    assert {layer.name: layer.rows for layer in layers} == rows
    assert {layer.name: layer.nulls for layer in layers} == nulls
    assert [layer.name for layer in layers] == list(dict.fromkeys(table.layer for table in accepted.tables))
    by_name = {layer.name: layer for layer in layers}
    for table in accepted.tables:
        layer = by_name[table.layer]
        if table.columns is not None:
            assert {name: layer.columns.get(name) for name in table.columns} == table.columns
        assert {name: layer.names.get(name) for name in table.names} == table.names
        assert table.ids is None or (table.ids == "format") == layer.has_ids or table.ids == "column"
    said = set().union(*(layer.findings for layer in layers))
    assert accepted.findings - _AFTER_READING <= said
    counted = sum((layer.steps for layer in layers), Counter[str]())
    expected = {step: count for step, count in accepted.steps.items() if step in _WHILE_READING}
    assert {step: counted[step] for step in expected} == expected


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(CASES) >= 80
    assert {case.file_name.partition(".")[2] for case in CASES} >= {
        "gpkg",
        "zip",
        "geojson",
        "csv",
        "gdb.zip",
    }
