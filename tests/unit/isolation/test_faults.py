"""Errors on their way through JSON."""

from core.errors import AppError, ContractViolation
from services.isolation.faults import error_of, fault_of
from services.isolation.orders import Fault


class Unknown(ContractViolation):
    """A class that the host may not have loaded."""


def _through_json(fault: Fault) -> Fault:
    return Fault.model_validate_json(fault.model_dump_json())


def test_a_class_that_is_not_loaded_here_becomes_its_nearest_base() -> None:
    fault = _through_json(fault_of(Unknown("what", code="X")))
    elsewhere = fault.model_copy(update={"classes": ("elsewhere:Unknown", *fault.classes[1:])})
    assert type(error_of(elsewhere)) is ContractViolation
    assert type(error_of(fault)) is Unknown


def test_a_class_that_the_child_invents_is_not_imported() -> None:
    error = error_of(Fault(classes=("antigravity:Anything", "builtins:object"), message="m", code="X"))
    assert type(error) is AppError


def test_a_context_that_json_does_not_know_becomes_text() -> None:
    error = error_of(_through_json(fault_of(AppError("m", context={"value": 1 + 2j}))))
    assert isinstance(error, AppError)
    assert dict(error.context) == {"value": "(1+2j)"}


def test_an_error_that_is_its_own_cause_comes_to_an_end() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert not fault_of(first).out_of_memory


def test_memory_is_seen_behind_another_error() -> None:
    error = AppError("the file is damaged")
    error.__context__ = OSError(12, "Cannot allocate memory")
    fault = fault_of(error)
    assert fault.out_of_memory
    raised = error_of(fault)
    assert isinstance(raised, AppError)
    assert raised.code == "OUT_OF_MEMORY"
