"""Reading the results of an earlier stage, with errors that say which handler to look at."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import ContractViolation
from core.models.stage import StoredResult

Model = TypeVar("Model", bound=BaseModel)


class StageResults(Sequence[StoredResult]):
    """The results of the completed tasks of one stage, ordered by task index."""

    def __init__(self, stage: int, results: Sequence[StoredResult]) -> None:
        self._stage = stage
        self._results = results

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._results[index]

    def __len__(self) -> int:
        return len(self._results)

    def one(self, model: type[Model]) -> Model:
        """The only result of the stage.

        Raises:
            ContractViolation: there is not exactly one, or it does not fit `model`.
        """
        if len(self._results) != 1:
            raise ContractViolation(
                f"stage {self._stage} was to leave one result and left {len(self._results)}",
                code="STAGE_RESULT_INVALID",
            )
        return self._parse(self._results[0], model)

    def each(self, model: type[Model]) -> Iterator[Model]:
        """Every result of the stage, in the order of its tasks.

        Raises:
            ContractViolation: one does not fit `model`.
        """
        return (self._parse(stored, model) for stored in self._results)

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
