"""Calls that come at the same time share a round."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from infrastructure.combining import Combiner


class Rounds:
    """Serves numbers by doubling them. The first round waits for `go`, so that others gather meanwhile."""

    def __init__(self) -> None:
        self.served: list[list[int]] = []
        self.go = threading.Event()
        self.began = threading.Event()

    def __call__(self, asked: Sequence[int]) -> list[int]:
        self.served.append(list(asked))
        self.began.set()
        assert self.go.wait(10)
        if any(number < 0 for number in asked):
            raise ValueError("negative")
        return [2 * number for number in asked]


def _gathered(rounds: Rounds, combine: Combiner[int, int], numbers: Sequence[int]) -> list[int | Exception]:
    """The answers to `numbers`, all asked while the round of 0 is under way."""

    def ask(number: int) -> int | Exception:
        try:
            return combine(number)
        except ValueError as exc:
            return exc

    with ThreadPoolExecutor(len(numbers) + 1) as pool:
        first = pool.submit(ask, 0)
        assert rounds.began.wait(10)
        others = []
        for waiting, number in enumerate(numbers, start=1):
            others.append(pool.submit(ask, number))
            while len(combine._waiting) < waiting:
                assert not first.done()
        rounds.go.set()
        assert first.result(10) == 0
        return [other.result(10) for other in others]


def test_everybody_gets_the_answer_to_what_he_asked() -> None:
    rounds = Rounds()
    answers = _gathered(rounds, Combiner(rounds, key=lambda number: 0), range(1, 9))
    assert answers == [2, 4, 6, 8, 10, 12, 14, 16]
    assert rounds.served == [[0], [1, 2, 3, 4, 5, 6, 7, 8]]


def test_a_round_holds_one_key_and_others_come_after() -> None:
    rounds = Rounds()
    answers = _gathered(rounds, Combiner(rounds, key=lambda number: number % 2), [1, 2, 3, 4])
    assert answers == [2, 4, 6, 8]
    assert rounds.served == [[0], [1, 3], [2, 4]]


def test_a_round_is_bounded() -> None:
    rounds = Rounds()
    assert len(_gathered(rounds, Combiner(rounds, key=lambda number: 0), range(70))) == 70
    assert [len(each) for each in rounds.served] == [1, 64, 6]


def test_a_failure_is_that_of_its_round_alone() -> None:
    rounds = Rounds()
    combine = Combiner(rounds, key=lambda number: number < 0)
    failed, fine, also = _gathered(rounds, combine, [-1, 5, -2])
    assert isinstance(failed, ValueError)
    assert isinstance(also, ValueError)
    assert fine == 10
    assert combine(7) == 14


def test_many_threads_for_long() -> None:
    rounds = Rounds()
    rounds.go.set()
    combine = Combiner(rounds, key=lambda number: number % 3)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(combine, range(5000))) == [2 * number for number in range(5000)]
    assert sum(len(each) for each in rounds.served) == 5000


def test_answers_must_be_one_for_each() -> None:
    combine: Combiner[int, int] = Combiner(lambda asked: [], key=lambda number: 0)
    with pytest.raises(ValueError, match="shorter"):
        combine(1)
