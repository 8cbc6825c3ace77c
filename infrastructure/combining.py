"""Calls that come at the same time, made into one: what a commit costs is then paid once for all of them."""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

_AT_MOST = 64


class _Waiting(Generic[Asked, Answer]):
    """A call whose thread sleeps until it is answered, or is to serve the next round itself."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.awake = threading.Event()
        self.leads = False
        self.answer: Answer | BaseException


class Combiner(Generic[Asked, Answer]):
    """One round of `serve` at a time; whoever comes meanwhile waits for the next round.

    A round holds calls of one `key`. The thread of its first call serves it and then wakes the next round's,
    so an idle combiner costs its caller nothing but a lock. `serve` gives one answer for each that is
    asked, in order; an answer that is an exception is raised in its caller, and what `serve` itself raises in
    every caller of the round.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Asked]], Sequence[Answer | Exception]],
        *,
        key: Callable[[Asked], Hashable],
    ) -> None:
        self._serve = serve
        self._key = key
        self._guard = threading.Lock()
        self._waiting: list[_Waiting[Asked, Answer]] = []
        self._is_busy = False

    def __call__(self, asked: Asked) -> Answer:
        """The answer of the round that this call is in."""
        own = _Waiting[Asked, Answer](asked)
        with self._guard:
            self._waiting.append(own)
            own.leads = not self._is_busy
            self._is_busy = True
        if not own.leads:
            own.awake.wait()
        if own.leads:
            self._lead()
        if isinstance(own.answer, BaseException):
            raise own.answer
        return own.answer

    def _lead(self) -> None:
        """Serve the round of the first that waits, which is the caller's own."""
        with self._guard:
            served = self._next_round()
        try:
            answers = self._serve([each.asked for each in served])
            for each, answer in zip(served, answers, strict=True):
                each.answer = answer
        except BaseException as exc:  # noqa: BLE001  it is raised in the thread of each caller
            for each in served:
                each.answer = exc
        finally:
            self._pass_on()
            for each in served[1:]:
                each.awake.set()

    def _next_round(self) -> list[_Waiting[Asked, Answer]]:
        first = self._key(self._waiting[0].asked)
        served = [each for each in self._waiting if self._key(each.asked) == first][:_AT_MOST]
        self._waiting = [each for each in self._waiting if each not in served]
        return served

    def _pass_on(self) -> None:
        with self._guard:
            if not self._waiting:
                self._is_busy = False
                return
            following = self._waiting[0]
        following.leads = True
        following.awake.set()
