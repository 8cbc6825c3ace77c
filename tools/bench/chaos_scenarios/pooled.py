"""The last task of a stage, where connections are shared by a pooler."""

from tools.bench.chaos_scenarios.pooler import Pooler
from tools.bench.chaos_scenarios.scenario import Run, Scenario
from tools.lab.races import COMPLETE, FINISH, Outcome, race

_CONNECTIONS = 2


def _races(run: Run) -> None:
    """Eight clients end their tasks at once, and the server has two connections for all of them."""
    stack, rounds = run.lab.stack, 100 if run.quick else 1_000
    stack.postgres.start()
    stack.postgres.wait_ready()
    stack.database.bring_up_to_date()
    pooler = Pooler(
        state=stack.state,
        root=stack.root,
        target=stack.database.urls().migrator,
        connections=_CONNECTIONS,
    )
    pooler.start()
    try:
        pooler.wait_ready()
        for statement in (FINISH, COMPLETE):
            for duplicates in (0, 3):
                outcome = race(
                    pooler.url, statement=statement, rounds=rounds, duplicates=duplicates, prepares=False
                )
                run.facts["rounds"] = run.facts.get("rounds", 0) + outcome.once
                run.require(outcome == Outcome(lost=0, once=rounds, doubled=0), f"{statement}: {outcome}")
    finally:
        pooler.stop()
        pooler.discard_data()


SCENARIOS = (
    Scenario(
        "pooled_races",
        "B2",
        "8 completions at once, 4 x 1,000 times, through PgBouncer with 2 connections: one advance each",
        _races,
        needs_stack=False,
    ),
)
