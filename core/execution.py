"""TaskExecutor: from a claimed task to the result that goes into its row."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from core.errors import ContractViolation
from core.leases import HeldLease
from core.models.task import ClaimedTask
from core.registry import HandlerDefinition, HandlerRunner
from core.result_size import ResultSizer


class ContextFactory(Protocol):
    """Makes what a handler gets besides its parameters, and tidies up after it."""

    def __call__(self, claimed: ClaimedTask, lease: HeldLease) -> AbstractContextManager[Any]: ...


class TaskExecutor:
    """Runs handlers, here or in a process of their own."""

    def __init__(
        self,
        handlers: Mapping[str, HandlerDefinition],
        *,
        runner: HandlerRunner,
        context_factory: ContextFactory,
        sizer: ResultSizer,
    ) -> None:
        self._handlers = handlers
        self._runner = runner
        self._context_factory = context_factory
        self._sizer = sizer

    def execute(self, claimed: ClaimedTask, lease: HeldLease) -> Mapping[str, Any]:
        """The result as it is stored.

        Raises:
            ContractViolation: there is no such handler, or it does not keep to its models.
            Exception: whatever the handler raises.
        """
        result = self._run(claimed, lease)
        return self._sizer.stored(claimed, result.model_dump(mode="json"), result.model_dump_json())

    def _run(self, claimed: ClaimedTask, lease: HeldLease) -> BaseModel:
        handler = self._handlers.get(claimed.task_type)
        if handler is None:
            raise ContractViolation(f"no handler for tasks of type {claimed.task_type!r} is registered here")
        try:
            parameters = handler.parameters_model.model_validate(claimed.parameters)
        except ValidationError as exc:
            raise ContractViolation(f"the parameters of {claimed.task_type} do not fit its model") from exc
        with self._context_factory(claimed, lease) as context:
            result = self._runner(handler, parameters, context)
        if not isinstance(result, handler.result_model):
            raise ContractViolation(f"{claimed.task_type} returned no {handler.result_model.__name__}")
        return result
