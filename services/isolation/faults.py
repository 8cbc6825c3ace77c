"""Exceptions on their way from a child to the host: what matters of them arrives unchanged."""

import errno
import json
import traceback
from collections.abc import Iterator
from typing import Any

from core.errors import AppError, TransientError
from services.isolation.orders import Fault
from services.isolation.surroundings import import_path

_FIELDS = {"message", "code", "remedy", "context"}
_MEMORY_CLASSES = {"CPLE_OutOfMemoryError", "MemoryError", "ArrowMemoryError"}


class ChildTraceback(Exception):
    """The traceback of the child, as text: the cause of the exception that the host raises."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class ForeignError(Exception):
    """An exception of a class that is none of ours; its subclass bears the name of that class."""


def fault_of(exc: BaseException) -> Fault:
    """All of an exception that JSON can hold."""
    text = "".join(traceback.format_exception(exc))
    classes = tuple(import_path(cls) for cls in type(exc).__mro__)
    out_of_memory = any(_is_out_of_memory(each) for each in _chain(exc))
    if not isinstance(exc, AppError):
        return Fault(classes=classes, message=str(exc), traceback=text, out_of_memory=out_of_memory)
    return Fault(
        classes=classes,
        message=exc.message,
        code=exc.code,
        remedy=exc.remedy,
        context=_portable(dict(exc.context)),
        extras=_portable({name: value for name, value in vars(exc).items() if name not in _FIELDS}),
        traceback=text if exc.__cause__ is not None else None,
        out_of_memory=out_of_memory,
    )


def error_of(fault: Fault) -> Exception:
    """The exception again: of the same class if it is one of ours, else a `ForeignError` by its name."""
    if fault.out_of_memory:
        error: Exception = out_of_memory()
    elif fault.code is None:
        name = fault.classes[0].rpartition(".")[2].rpartition(":")[2]
        error = type(name, (ForeignError,), {})(fault.message)
    else:
        error = _app_error(fault)
    if fault.traceback is not None:
        error.__cause__ = ChildTraceback(fault.traceback)
    return error


def out_of_memory() -> TransientError:
    """The task wanted more memory than it may have, or than there is."""
    return TransientError(
        "The task ran out of memory.",
        code="OUT_OF_MEMORY",
        remedy="It is tried again; if it persists, submit less data at once.",
    )


def _app_error(fault: Fault) -> AppError:
    """Only classes that are loaded are looked through: the child cannot make the host import anything."""
    known = {import_path(cls): cls for cls in _family(AppError)}
    cls = next((known[name] for name in fault.classes if name in known), AppError)
    error = cls.__new__(cls, fault.message)
    AppError.__init__(error, fault.message, code=fault.code, remedy=fault.remedy, context=fault.context)
    for name, value in fault.extras.items():
        setattr(error, name, tuple(value) if isinstance(value, list) else value)
    return error


def _family(cls: type[AppError]) -> Iterator[type[AppError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _family(child)


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        exc = exc.__cause__ or exc.__context__


def _is_out_of_memory(exc: BaseException) -> bool:
    """By name, for GDAL's and Arrow's own classes are not imported here."""
    if isinstance(exc, OSError) and exc.errno == errno.ENOMEM:
        return True
    return any(cls.__name__ in _MEMORY_CLASSES for cls in type(exc).__mro__)


def _portable(values: dict[str, Any]) -> dict[str, Any]:
    """As JSON holds them; what JSON does not know becomes text."""
    portable: dict[str, Any] = json.loads(json.dumps(values, default=_jsonable))
    return portable


def _jsonable(value: Any) -> Any:
    return dict(value) if hasattr(value, "keys") else str(value)
