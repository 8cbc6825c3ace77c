"""What a replaced revision leaves behind: kept for a grace, then removed, and never what is served."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from core.errors import TransientError
from infrastructure.database import Database
from infrastructure.repositories.retired import RetiredArtefacts
from tests.integration.platform.platform_under_test import PlatformUnderTest
from tests.integration.platform.stored import delete_dataset

NOW = timedelta(0)
LARGE = {"request_type": "large_raster", "source_path": "bronze/dem.tif"}


@pytest.fixture
def database(hub: PlatformUnderTest) -> Iterator[Database]:
    """The janitor's own connections."""
    with Database(hub.urls.app, pool_max=4, on_promised=lambda _: None) as opened:
        yield opened


@pytest.fixture
def replaced(hub: PlatformUnderTest) -> str:
    """A vector dataset in its second revision; its name."""
    layers = {"processing_config": {"layers": ["rejects", "huge"]}}
    hub.run_chain(hub.submit(**layers).answer.request_id)
    delete_dataset(hub)
    second = hub.submit(**layers).answer.request_id
    hub.run_chain(second)
    for uri in blobs(hub, "retired", "published"):
        hub.blobs.put(uri, b"content")
    return hub.router.status(second).collection_id


def janitor(hub: PlatformUnderTest, database: Database, **changes: Any) -> RetiredArtefacts:
    return RetiredArtefacts(database, **{"grace": NOW, "remove_blob": hub.blobs.delete, **changes})


def blobs(hub: PlatformUnderTest, *states: str) -> list[str]:
    query = "SELECT location FROM app.artefacts WHERE kind = 'blob' AND state = ANY(%(states)s)"
    return [row["location"] for row in hub.rows(query, states=list(states))]


def tables(hub: PlatformUnderTest) -> set[str]:
    return {row["tablename"] for row in hub.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'geo'")}


def of_revision(names: set[str], number: int) -> set[str]:
    return {name for name in names if f"_r{number}" in name}


def test_tables_and_blobs_of_the_old_revision_go_and_those_of_the_new_one_stay(
    hub: PlatformUnderTest, database: Database, replaced: str
) -> None:
    before = tables(hub)
    (old,), (new,) = blobs(hub, "retired"), blobs(hub, "published")
    assert len(of_revision(before, 1)) == len(of_revision(before, 2)) == 4

    assert janitor(hub, database).sweep() == 5
    assert tables(hub) == of_revision(before, 2)
    assert (f"/{replaced}/r1/" in old, f"/{replaced}/r2/" in new) == (True, True)
    assert [hub.blobs.delete(uri) for uri in (old, new)] == [False, True]
    assert hub.value("SELECT count(*) FROM app.artefacts WHERE state = 'discarded'") == 5
    assert janitor(hub, database).sweep() == 0


@pytest.mark.usefixtures("replaced")
def test_they_are_kept_for_the_grace(hub: PlatformUnderTest, database: Database) -> None:
    before = tables(hub)
    assert janitor(hub, database, grace=timedelta(hours=1)).sweep() == 0
    assert tables(hub) == before
    hub.execute("UPDATE app.artefacts SET updated_at = updated_at - interval '61 minutes'")
    assert janitor(hub, database, grace=timedelta(hours=1)).sweep() == 5


@pytest.mark.usefixtures("replaced")
def test_a_table_that_is_read_stays_until_the_reader_is_done(
    hub: PlatformUnderTest, database: Database
) -> None:
    read = min(of_revision(tables(hub), 1))
    with psycopg.connect(hub.urls.reader) as reader:
        reader.execute(f'SELECT 1 FROM geo."{read}"')
        assert janitor(hub, database).sweep() == 4
        assert of_revision(tables(hub), 1) == {read}
    assert janitor(hub, database).sweep() == 1
    assert of_revision(tables(hub), 1) == set()


@pytest.mark.usefixtures("replaced")
def test_what_cannot_go_lets_the_others_pass(hub: PlatformUnderTest, database: Database) -> None:
    """Also where a run has room for one only."""

    def refuse(uri: str) -> None:
        raise TransientError("no answer", code="STORAGE_TIMEOUT")

    hub.execute("UPDATE app.artefacts SET updated_at = updated_at - interval '1 hour' WHERE kind = 'blob'")
    stuck = janitor(hub, database, remove_blob=refuse, limit=1)
    assert [stuck.sweep() for _ in range(5)] == [0, 1, 1, 1, 1]
    assert len(blobs(hub, "retired")) == 1
    assert janitor(hub, database).sweep() == 1


@pytest.mark.usefixtures("replaced")
def test_janitors_at_once_remove_each_thing_once(hub: PlatformUnderTest, database: Database) -> None:
    one = janitor(hub, database)

    def remove_while_another_looks(uri: str) -> bool:
        counted.append(one.sweep())
        return hub.blobs.delete(uri)

    counted: list[int] = []
    other = janitor(hub, database, remove_blob=remove_while_another_looks)
    assert other.sweep() + sum(counted) == 5


def test_rasters_leave_their_old_blobs_as_well(hub: PlatformUnderTest, database: Database) -> None:
    for _ in range(2):
        hub.run_chain(hub.submit(**LARGE).answer.request_id)
        delete_dataset(hub)
    old, new = blobs(hub, "retired"), blobs(hub, "published")
    assert len(old) == len(new) == 7

    assert janitor(hub, database).sweep() == 7
    assert sorted(blobs(hub, "published")) == sorted(new)


# -- beside older code, which publishes every revision under the dataset's name ------------------------


def as_older_code_left(hub: PlatformUnderTest, name: str, *, revision: int) -> None:
    with psycopg.connect(hub.urls.app) as connection:
        connection.execute(f'DROP TABLE IF EXISTS geo."{name}"')
        connection.execute(f'ALTER TABLE geo."{name}_r{revision}" RENAME TO "{name}"')
        connection.execute("DELETE FROM platform.collections")
        connection.execute("UPDATE app.artefacts SET published_as = NULL WHERE state = 'published'")
        connection.execute(
            "UPDATE app.datasets"
            " SET data_locations = data_locations || jsonb_build_object('table', collection_id)"
        )


def test_what_older_code_published_goes_when_it_is_replaced(
    hub: PlatformUnderTest, database: Database
) -> None:
    first = hub.submit().answer.request_id
    hub.run_chain(first)
    name = hub.router.status(first).collection_id
    as_older_code_left(hub, name, revision=1)
    delete_dataset(hub)
    hub.run_chain(hub.submit().answer.request_id)
    assert tables(hub) == {name, f"{name}_r2"}

    assert janitor(hub, database).sweep() == 1
    assert tables(hub) == {f"{name}_r2"}


def test_a_name_that_older_code_has_given_again_is_not_dropped(
    hub: PlatformUnderTest, database: Database
) -> None:
    """A rollback after the second revision: the third one is served under the name of the first."""
    for revision in (1, 2, 3):
        request_id = hub.submit().answer.request_id
        hub.run_chain(request_id)
        name = hub.router.status(request_id).collection_id
        if revision != 2:
            as_older_code_left(hub, name, revision=revision)
        delete_dataset(hub)

    janitor(hub, database).sweep()
    assert tables(hub) == {name}
