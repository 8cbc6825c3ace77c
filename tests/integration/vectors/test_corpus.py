"""Every file of the corpus through the three stages of `ingest_vector`, on a real database."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import PermanentTaskError
from core.task_models.vector_tables import IngestVectorResult, VectorTable
from tests.blobs import DirectoryBlobStore
from tests.corpus.vector import CASES, Accepted, Case, Refused, Table
from tests.corpus.vector.asking import asked
from tests.integration.vectors.conftest import Ingestion, Shared


@pytest.fixture
def ingestion(shared: Shared, tmp_path: Path) -> Iterator[Ingestion]:
    """No table of another file is left behind: all attempts have the same names."""
    vectors, connection = shared
    yield Ingestion(tmp_path, DirectoryBlobStore(tmp_path / "blobs"), vectors)
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'").fetchall()
    for (name,) in tables:
        vectors.drop_staging_table(name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_corpus_becomes_tables(case: Case, ingestion: Ingestion, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    case.write(made / case.file_name)
    content = (made / case.file_name).read_bytes()
    match case.expected:
        case Refused() as refused:
            with pytest.raises(PermanentTaskError) as caught:
                ingestion.run(case.file_name, content, **asked(case))
            assert caught.value.code in refused.codes
            assert caught.value.remedy
        case Accepted() as accepted:
            _check(ingestion.run(case.file_name, content, **asked(case)), accepted)


def _check(result: IngestVectorResult, accepted: Accepted) -> None:
    for table, expected in zip(result.tables, accepted.tables, strict=True):
        _check_table(table, expected)
    counted = Counter[str]()
    for step in (step for table in result.tables for step in table.steps):
        counted[step.step] += step.count
    assert {step: counted[step] for step in accepted.steps} == accepted.steps
    said = {finding.code for table in result.tables for finding in table.findings}
    assert accepted.findings <= said | {finding.code for finding in result.findings}
    assert (result.rejects_uri is not None) == (result.rejected_count > 0)


def _check_table(table: VectorTable, expected: Table) -> None:
    rejected = sum(expected.rejected.values())
    assert (table.layer, table.family, table.geometry_type, table.srid) == (
        expected.layer,
        expected.family,
        expected.geometry_type,
        expected.srid,
    )
    assert (table.read_count, table.rejected_count, table.feature_count) == (
        expected.read,
        rejected,
        expected.read - rejected,
    )
    assert {str(reason): count for reason, count in table.reasons.items()} == expected.rejected
    assert table.null_geometry_count == expected.nulls - expected.rejected.get("NULL_GEOMETRY", 0)
    types = {column.source_name: column.sql_type for column in table.columns}
    assert {name: types.get(name) for name in expected.columns or {}} == (expected.columns or {})
    names = {column.source_name: column.name for column in table.columns}
    assert {name: names.get(name) for name in expected.names} == expected.names
    assert expected.ids in (None, table.ids)
