"""What a handler may declare of its isolation, and what the shipped ones do."""

import ast
import inspect
from datetime import timedelta
from types import ModuleType

import pytest
from pydantic import BaseModel

import services.registry
from core.errors import ContractViolation
from core.registry import DEFAULT_TIME_LIMIT, HandlerDefinition, define_handler
from core.schema.queue import QueueRole
from services.context import TaskContext

HANDLERS = services.registry.discover()


class Nothing(BaseModel):
    pass


def do_nothing(parameters: Nothing, context: TaskContext) -> Nothing:
    return parameters


def _define(**options: timedelta | bool | int | None) -> HandlerDefinition:
    return define_handler("nothing", do_nothing, queue=QueueRole.LEGACY_TASKS, **options)  # type: ignore[arg-type]


def test_a_handler_runs_in_the_host_for_two_hours_at_most_unless_it_says_otherwise() -> None:
    plain = _define()
    assert (plain.isolated, plain.time_limit, plain.memory_limit_bytes) == (False, DEFAULT_TIME_LIMIT, None)
    assert timedelta(hours=2) == DEFAULT_TIME_LIMIT
    limited = _define(isolated=True, time_limit=timedelta(minutes=1), memory_limit_bytes=10)
    assert (limited.isolated, limited.time_limit) == (True, timedelta(minutes=1))
    assert limited.memory_limit_bytes == 10


@pytest.mark.parametrize(
    "options",
    [
        {"time_limit": timedelta(0)},
        {"isolated": True, "memory_limit_bytes": 0},
        {"memory_limit_bytes": 10},
    ],
)
def test_limits_that_make_no_sense_stop_the_start(options: dict[str, timedelta | bool | int]) -> None:
    with pytest.raises(ContractViolation):
        _define(**options)


def test_what_a_child_cannot_import_cannot_be_isolated() -> None:
    def local(parameters: Nothing, context: TaskContext) -> Nothing:
        return parameters

    with pytest.raises(ContractViolation, match="importable"):
        define_handler("local", local, queue=QueueRole.LEGACY_TASKS, isolated=True)


_NATIVE = ("hardened_gdal", "admit")  # what opens a file of a stranger


@pytest.mark.parametrize("name", HANDLERS)
def test_handlers_that_open_files_of_strangers_are_isolated(name: str) -> None:
    handler = HANDLERS[name]
    module = inspect.getmodule(handler.function)
    assert isinstance(module, ModuleType)
    names = {node.id for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Name)}
    assert handler.isolated or not names.intersection(_NATIVE)
    assert (handler.memory_limit_bytes is not None) is handler.isolated


def test_some_handlers_are_isolated() -> None:
    isolated = {name for name, handler in HANDLERS.items() if handler.isolated}
    assert {"create_cog", "process_vector_prepare"} < isolated < set(HANDLERS)
