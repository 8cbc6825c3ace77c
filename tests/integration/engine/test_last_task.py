"""The last task turns out the lights: exactly one advance for each stage, whatever arrives together."""

from pathlib import Path

import psycopg
import pytest

from tools.lab.races import COMPLETE, FINISH, Outcome, race
from tools.stack.database import DatabaseUrls

ROUNDS = 300
LOCK_INSIDE_COUNT = "SELECT app.finish_lock_inside_count(%s, %s)"
UNGUARDED = "SELECT app.finish_unguarded(%s, %s)"
CONTROLS = Path(__file__).with_name("negative_controls.sql")


@pytest.fixture
def with_controls(database_urls: DatabaseUrls) -> str:
    """A database that also holds the wrong variants; the owner's URL."""
    with psycopg.connect(database_urls.migrator) as connection:
        connection.execute(CONTROLS.read_bytes())
    return database_urls.migrator


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("statement", [FINISH, COMPLETE])
@pytest.mark.parametrize("duplicates", [0, 3])
def test_completions_that_arrive_together_advance_once(
    database_urls: DatabaseUrls, statement: str, duplicates: int, rounds: int
) -> None:
    outcome = race(database_urls.migrator, statement=statement, rounds=rounds, duplicates=duplicates)
    assert outcome == Outcome(lost=0, once=rounds, doubled=0)


def test_control_a_lock_inside_the_counting_statement_loses_advances(with_controls: str) -> None:
    outcome = race(with_controls, statement=LOCK_INSIDE_COUNT, rounds=ROUNDS, duplicates=0)
    assert outcome.lost > 0


def test_control_an_unguarded_update_doubles_advances(with_controls: str) -> None:
    outcome = race(with_controls, statement=UNGUARDED, rounds=ROUNDS, duplicates=3)
    assert outcome.doubled > 0


def test_a_stricter_isolation_level_is_refused_rather_than_wrong(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.migrator) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.InvalidTransactionState, match="READ COMMITTED"):
            connection.execute("SELECT app.close_stage_if_done('any', 1, 'q')")
