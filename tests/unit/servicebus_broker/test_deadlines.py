"""Deadlines against the plainest model of them."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tools.servicebus_broker.engine.deadlines import Deadlines

KEYS, TIMES = st.integers(0, 30), st.integers(0, 50)


class DeadlinesMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.deadlines: Deadlines[int] = Deadlines()
        self.model: dict[int, int] = {}

    def ordered(self) -> list[int]:
        return [key for _, key in sorted((due, key) for key, due in self.model.items())]

    @rule(due=TIMES, key=KEYS)
    def add(self, due: int, key: int) -> None:
        self.deadlines.add(due, key)
        self.model[key] = due

    @rule(key=KEYS)
    def drop(self, key: int) -> None:
        self.deadlines.drop(key)
        self.model.pop(key, None)

    @rule()
    def take_first(self) -> None:
        expected = self.ordered()[:1]
        assert self.deadlines.take_first() == (expected[0] if expected else None)
        for key in expected:
            del self.model[key]

    @rule(now=TIMES)
    def take_due(self, now: int) -> None:
        expected = [key for key in self.ordered() if self.model[key] <= now]
        assert list(self.deadlines.take_due(now)) == expected
        for key in expected:
            del self.model[key]

    @invariant()
    def same_size(self) -> None:
        assert len(self.deadlines) == len(self.model)


TestDeadlines = DeadlinesMachine.TestCase
TestDeadlines.settings = settings(max_examples=50, stateful_step_count=40)


def test_dropped_entries_do_not_pile_up() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for number in range(20_000):
        deadlines.add(10**9 + number, number)
        deadlines.drop(number - 5)
    assert len(deadlines) == 5
    assert len(deadlines._heap) < 1000
