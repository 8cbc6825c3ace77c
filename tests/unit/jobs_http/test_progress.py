"""Progress never goes back: whatever the stages, and in whatever order tasks end."""

from hypothesis import given
from hypothesis import strategies as st

from core.models.stage import Parallelism
from triggers.job_progress import StageCounts, percent_done

SINGLE, FAN_OUT = Parallelism.SINGLE, Parallelism.FAN_OUT


@st.composite
def runs(draw: st.DrawFn) -> list[tuple[list[StageCounts], list[Parallelism]]]:
    """What is seen of a job while it runs: each stage opens, and its tasks end one by one."""
    kinds = draw(st.lists(st.sampled_from(Parallelism), min_size=1, max_size=6))
    seen: list[tuple[list[StageCounts], list[Parallelism]]] = []
    through: list[StageCounts] = []
    for _ in kinds:
        number = draw(st.integers(0, 12) | st.just(100_000))
        allowed = draw(st.integers(0, 12))
        completed = failed = 0
        for _ in range(min(number, 12)):
            seen.append(([*through, StageCounts(number, completed, min(failed, allowed))], kinds))
            is_failure = draw(st.booleans())
            failed, completed = failed + is_failure, completed + (not is_failure)
        through.append(StageCounts(number, completed, min(failed, allowed)))
        seen.append((list(through), kinds))
    return seen


@given(runs())
def test_it_never_goes_back(run: list[tuple[list[StageCounts], list[Parallelism]]]) -> None:
    percents = [percent_done(opened, kinds) for opened, kinds in run]
    assert percents == sorted(percents)
    assert all(0 <= percent <= 99 for percent in percents)


def test_it_is_weighted_by_tasks() -> None:
    kinds = [SINGLE, FAN_OUT, FAN_OUT, SINGLE]
    planned = StageCounts(1, 1)
    assert percent_done([], kinds) == 0
    assert (
        percent_done([planned, StageCounts(1000, 0)], kinds) == 25
    )  # four stages of one task, for all it knew
    assert percent_done([planned, StageCounts(1000, 500)], kinds) == 43
    assert percent_done([planned, StageCounts(1000, 1000), StageCounts(1000, 0)], kinds) == 62
    assert percent_done([planned, StageCounts(1000, 999), StageCounts(1000, 1000)], kinds) == 99


def test_a_single_task_before_the_last_fan_out_weighs_little() -> None:
    assert percent_done([StageCounts(1000, 1000), StageCounts(1, 0)], [FAN_OUT, SINGLE]) == 99
    assert percent_done([StageCounts(500, 250)], [FAN_OUT, SINGLE]) == 49


def test_failures_that_the_stage_allows_count_as_done() -> None:
    assert percent_done([StageCounts(10, 5, 0)], [FAN_OUT]) == 50
    assert percent_done([StageCounts(10, 5, 2)], [FAN_OUT]) == 70


def test_empty_stages_weigh_nothing() -> None:
    assert percent_done([StageCounts(0, 0)], [FAN_OUT, FAN_OUT]) == 0
    assert percent_done([StageCounts(0, 0), StageCounts(4, 1)], [FAN_OUT, FAN_OUT]) == 25
    assert percent_done([StageCounts(0, 0)], [FAN_OUT]) == 99
