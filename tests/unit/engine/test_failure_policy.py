"""How many tasks of a stage may fail."""

import pytest

from core.models.stage import BEST_EFFORT, FAIL_FAST, FailurePolicy


@pytest.mark.parametrize(
    ("share", "task_count", "allowed"),
    [
        (0.0, 100, 0),
        (0.29, 100, 29),
        (0.1, 30, 3),
        (0.5, 1, 0),
        (0.999, 1000, 999),
        (1.0, 7, 7),
        (0.07, 0, 0),
    ],
)
def test_a_share_of_the_tasks_is_rounded_down_as_people_count(
    share: float, task_count: int, allowed: int
) -> None:
    assert FailurePolicy.fraction(share).allowed_of(task_count) == allowed


def test_a_number_holds_whatever_the_number_of_tasks() -> None:
    assert FailurePolicy.allow(3).allowed_of(2) == 3
    assert FAIL_FAST.allowed_of(10**6) == 0
    assert BEST_EFFORT.allowed_of(10**6) is None


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_a_share_lies_between_none_and_all(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        FailurePolicy.fraction(share)
