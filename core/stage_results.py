"""Reading the results of an earlier stage, with errors that say which handler to look at."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import ContractViolation
from core.models.job import Hole
from core.models.stage import StoredResult

Model = TypeVar("Model", bound=BaseModel)
Page = Callable[[int, int], Sequence[StoredResult]]
_PAGE_SIZE = 1000


class StageResults:
    """The results of the completed tasks of one stage, ordered by task index.

    They are read in pages while they are iterated, so that a stage of a hundred thousand tasks does not
    stand in memory. `page(after, limit)` gives the results whose index is above `after`, holes among them.
    """

    def __init__(self, stage: int, *, number: int, page: Page, earlier_holes: Sequence[Hole] = ()) -> None:
        self._stage = stage
        self._number = number
        self._page = page
        self._earlier_holes = earlier_holes

    @classmethod
    def none(cls) -> "StageResults":
        """What the first stage has before it."""
        return cls(0, number=0, page=lambda _after, _limit: ())

    @classmethod
    def of(cls, stage: int, results: Sequence[StoredResult]) -> "StageResults":
        """Results that are at hand, ordered by task index."""

        def page(after: int, limit: int) -> Sequence[StoredResult]:
            return [result for result in results if result.task_index > after][:limit]

        return cls(stage, number=sum(result.hole is None for result in results), page=page)

    def after(self, holes: Sequence[Hole]) -> "StageResults":
        """The same results, with the holes of the stages before theirs among `holes`."""
        earlier = [hole for hole in holes if hole.stage < self._stage]
        return StageResults(self._stage, number=self._number, page=self._page, earlier_holes=earlier)

    def holes(self) -> Iterator[Hole]:
        """The failed tasks that were let pass, in this stage and the ones before; read anew each time."""
        yield from self._earlier_holes
        yield from (stored.hole for stored in self._stored() if stored.hole is not None)

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[StoredResult]:
        return (stored for stored in self._stored() if stored.hole is None)

    def _stored(self) -> Iterator[StoredResult]:
        after = -1
        while page := self._page(after, _PAGE_SIZE):
            yield from page
            after = page[-1].task_index

    def one(self, model: type[Model]) -> Model:
        """The only result of the stage.

        Raises:
            ContractViolation: there is not exactly one, or it does not fit `model`.
        """
        if self._number != 1:
            raise ContractViolation(
                f"stage {self._stage} was to leave one result and left {self._number}",
                code="STAGE_RESULT_INVALID",
            )
        return self._parse(next(iter(self)), model)

    def each(self, model: type[Model]) -> Iterator[Model]:
        """Every result of the stage, in the order of its tasks.

        Raises:
            ContractViolation: one does not fit `model`.
        """
        return (self._parse(stored, model) for stored in self)

    def _parse(self, stored: StoredResult, model: type[Model]) -> Model:
        try:
            return model.model_validate(stored.result)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "result"
            raise ContractViolation(
                f"the result of task {stored.task_id} (stage {self._stage}) is no {model.__name__}: "
                f"{place}: {first['msg']}; it has {sorted(stored.result)}",
                code="STAGE_RESULT_INVALID",
                context={"task_id": stored.task_id},
            ) from exc
