"""What a task handler declares, and the checks that stop a start with a broken registry."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeGuard, TypeVar, get_type_hints

from pydantic import BaseModel

from core.errors import ContractViolation
from core.schema.queue import QueueRole

Entry = TypeVar("Entry")
Handler = Callable[[Any, Any], BaseModel]
DEFAULT_TIME_LIMIT = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class HandlerDefinition:
    """A task type: the function that runs it, its models, and the queue its tasks travel on.

    An `isolated` handler runs in a process of its own, which can be killed: its `time_limit` is then
    exact, where another handler is only stopped at its next checkpoint. `memory_limit_bytes` is what the
    process may take for itself. `aliases` are other names that stages may call it by; what is stored of
    their tasks has `task_type`.
    """

    task_type: str
    function: Handler
    parameters_model: type[BaseModel]
    result_model: type[BaseModel]
    queue: QueueRole
    isolated: bool = False
    time_limit: timedelta = DEFAULT_TIME_LIMIT
    memory_limit_bytes: int | None = None
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All that it can be called by."""
        return (self.task_type, *self.aliases)


class HandlerRunner(Protocol):
    """Runs the handler of one attempt, here or in a process of its own, as its definition says."""

    def __call__(self, definition: HandlerDefinition, parameters: BaseModel, context: Any) -> BaseModel:
        """The handler's result.

        Raises:
            TransientError: WORKER_CRASHED, OUT_OF_MEMORY or TASK_TIMEOUT: the attempt ended badly.
            TaskCancelled: the task was told to stop.
            ContractViolation: the handler returned something else than it declares.
            Exception: whatever the handler raises.
        """


def define_handler(
    task_type: str,
    function: Handler,
    *,
    queue: QueueRole,
    isolated: bool = False,
    time_limit: timedelta = DEFAULT_TIME_LIMIT,
    memory_limit_bytes: int | None = None,
    aliases: tuple[str, ...] = (),
) -> HandlerDefinition:
    """The definition of `function(parameters: Model, context) -> Model`, read from its annotations.

    Raises:
        ContractViolation: the annotations are missing or are no pydantic models; the limits make no sense;
            another process could not import the function.
    """
    parameters_model, result_model = models_of(function)
    if isolated and "<" in function.__qualname__:
        raise ContractViolation(f"an isolated handler must be importable: {function.__qualname__} is not")
    if time_limit <= timedelta(0) or (memory_limit_bytes is not None and memory_limit_bytes <= 0):
        raise ContractViolation(f"the limits of {task_type} must be above zero")
    if memory_limit_bytes is not None and not isolated:
        raise ContractViolation(f"{task_type} must be isolated to have a memory limit")
    return HandlerDefinition(
        task_type,
        function,
        parameters_model,
        result_model,
        queue,
        isolated=isolated,
        time_limit=time_limit,
        memory_limit_bytes=memory_limit_bytes,
        aliases=aliases,
    )


def models_of(function: Handler) -> tuple[type[BaseModel], type[BaseModel]]:
    """The models of a handler's parameters and of its result, read from its annotations.

    Raises:
        ContractViolation: the annotations are missing or are no pydantic models.
    """
    hints = get_type_hints(function)
    first = next(iter(inspect.signature(function).parameters), None)
    parameters_model, result_model = hints.get(first or ""), hints.get("return")
    if not (_is_model(parameters_model) and _is_model(result_model)):
        raise ContractViolation(
            f"task handler {function.__qualname__} must be annotated (parameters: Model, context) -> Model"
        )
    return parameters_model, result_model


def _is_model(hint: Any) -> TypeGuard[type[BaseModel]]:
    return inspect.isclass(hint) and issubclass(hint, BaseModel)


class Registry(dict[str, Entry]):
    """A dict of definitions by name that refuses a second, different entry of the same name."""

    def add(self, name: str, entry: Entry) -> None:
        """Register `entry`.

        Raises:
            ContractViolation: the name is taken by another entry.
        """
        if (known := self.setdefault(name, entry)) is not entry:
            raise ContractViolation(
                f"{name!r} is registered twice, by {_origin(known)} and by {_origin(entry)}"
            )


def _origin(entry: Any) -> str:
    definition = entry.function if isinstance(entry, HandlerDefinition) else entry
    return f"{definition.__module__}.{definition.__qualname__}"


def validate_registries(jobs: Mapping[str, Any], handlers: Mapping[str, HandlerDefinition]) -> None:
    """Check that both registries are filled and that every stage of every job type has a handler.

    Raises:
        ContractViolation: naming everything that is wrong.
    """
    problems = [
        f"no {name} are registered" for name, found in (("jobs", jobs), ("handlers", handlers)) if not found
    ]
    for job in jobs.values():
        numbers = [stage.number for stage in job.stages]
        if numbers != list(range(1, len(numbers) + 1)) or not numbers:
            problems.append(f"{job.job_type}: stages must be numbered 1, 2, 3, ...")
        problems.extend(
            f"{job.job_type}: stage {stage.number} ({stage.name}) needs the handler {stage.task_type!r}"
            for stage in job.stages
            if stage.task_type not in handlers
        )
    if problems:
        raise ContractViolation("the registries are broken: " + "; ".join(problems))
