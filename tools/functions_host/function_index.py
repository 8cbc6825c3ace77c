"""Index a function app: import `function_app`, and describe each function once.

`FunctionApp.get_functions()` raises on its second call, so the index is made once per process and kept.
"""

import importlib
import inspect
import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import azure.functions as func

from tools.functions_host.errors import IndexingError
from tools.functions_host.settings import is_true

_logger = logging.getLogger("functions_host.index")


class TriggerKind(StrEnum):
    """The triggers that this host serves, by the names that bindings carry."""

    HTTP = "httpTrigger"
    SERVICE_BUS = "serviceBusTrigger"
    TIMER = "timerTrigger"


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function: what to call, and how it is triggered."""

    name: str
    kind: TriggerKind
    call: Callable[..., Any]
    is_async: bool
    argument_name: str
    wants_context: bool
    has_return_binding: bool
    trigger: Any


def load_app(root: Path) -> func.FunctionApp:
    """Import function_app.py from `root` as Azure's worker does: working directory and import path first."""
    os.chdir(root)
    sys.path[:] = [str(root), *(entry for entry in sys.path if entry != str(root))]
    try:
        module = importlib.import_module("function_app")
    except Exception as exc:
        raise IndexingError(f"function_app.py does not import: {type(exc).__name__}: {exc}") from exc
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if len(apps) != 1:
        raise IndexingError(f"function_app.py must hold one FunctionApp, found {len(apps)}")
    return apps[0]


def index_functions(app: func.FunctionApp) -> list[FunctionSpec]:
    """Describe every function of `app`. Raises IndexingError for what cannot run here."""
    try:
        functions = app.get_functions()
    except Exception as exc:
        raise IndexingError(f"the function app does not index: {exc}") from exc
    if not functions:
        raise IndexingError("no functions found")
    return [_describe(function) for function in functions]


def enabled(specs: list[FunctionSpec], environment: Mapping[str, str]) -> list[FunctionSpec]:
    """The functions without `AzureWebJobs.<name>.Disabled=true` (`__` may stand for the dots)."""
    return [spec for spec in specs if not _is_disabled(spec.name, environment)]


def _is_disabled(name: str, environment: Mapping[str, str]) -> bool:
    return any(is_true(environment.get(f"AzureWebJobs{dot}{name}{dot}Disabled")) for dot in (".", "__"))


def _describe(function: Any) -> FunctionSpec:
    name, trigger = function.get_function_name(), function.get_trigger()
    if trigger is None:
        raise IndexingError(f"{name} has no trigger")
    call = function.get_user_function()
    parameters = set(inspect.signature(call).parameters)
    _check_bindings(name, function, trigger)
    _check_parameters(name, parameters, trigger.name)
    return FunctionSpec(
        name=name,
        kind=_kind(name, trigger.type),
        call=call,
        is_async=inspect.iscoroutinefunction(call),
        argument_name=trigger.name,
        wants_context="context" in parameters,
        has_return_binding=any(binding.name == "$return" for binding in function.get_bindings()),
        trigger=trigger,
    )


def _kind(name: str, trigger_type: str) -> TriggerKind:
    try:
        return TriggerKind(trigger_type)
    except ValueError as exc:
        raise IndexingError(f"{name}: this host does not serve {trigger_type}") from exc


def _check_bindings(name: str, function: Any, trigger: Any) -> None:
    http_output = ("http", "$return")
    others = [
        binding
        for binding in function.get_bindings()
        if binding is not trigger and (binding.type, binding.name) != http_output
    ]
    if others:
        raise IndexingError(f"{name}: this host has no {others[0].type} binding")
    if function.get_settings_dict("retry_policy"):
        _logger.warning("%s: its retry policy is not applied", name, extra={"action": "retry_policy_ignored"})
    if getattr(trigger, "is_sessions_enabled", None):
        raise IndexingError(f"{name}: this host does not serve session queues")


def _check_parameters(name: str, parameters: set[str], argument: str) -> None:
    if argument not in parameters:
        raise IndexingError(f"{name}: the binding {argument!r} is not a parameter of the function")
    if unbound := parameters - {argument, "context"}:
        raise IndexingError(f"{name}: the parameters {sorted(unbound)} have no binding")
