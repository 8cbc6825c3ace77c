"""host.json, with app settings of the form `AzureFunctionsJobHost__a__b__c` laid over it.

Reference: https://learn.microsoft.com/azure/azure-functions/functions-host-json
"""

import json
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from tools.functions_host.errors import SettingsError

OVERRIDE_PREFIX = "azurefunctionsjobhost__"
_TIMESPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,7})?)?$")
_UNBOUNDED = "-1"


def parse_timespan(text: object) -> object:
    """A .NET TimeSpan `[d.]hh:mm[:ss[.fff]]` as a timedelta; any other value as it is."""
    match = _TIMESPAN.match(text.strip()) if isinstance(text, str) else None
    if match is None:
        return text
    days, hours, minutes, seconds, fraction = match.groups()
    return timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds or 0) + float(fraction or 0),
    )


def _timeout(value: object) -> object:
    return None if str(value).strip() == _UNBOUNDED else parse_timespan(value)


Timespan = Annotated[timedelta, BeforeValidator(parse_timespan)]


class _Section(BaseModel):
    # host.json belongs to Azure: it holds much that concerns other triggers and the cloud.
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class HttpSection(_Section):
    """extensions.http"""

    route_prefix: str = "api"


class ServiceBusSection(_Section):
    """extensions.serviceBus; `max_concurrent_calls` counts messages in flight per function and host."""

    max_concurrent_calls: int = Field(default_factory=lambda: 16 * (os.cpu_count() or 1), ge=1)
    max_message_batch_size: int = Field(default=1000, ge=1)
    max_auto_lock_renewal_duration: Timespan = timedelta(minutes=5)
    auto_complete_messages: bool = True
    transport_type: str = "amqpTcp"


class ExtensionsSection(_Section):
    """extensions"""

    http: HttpSection = Field(default_factory=HttpSection)
    service_bus: ServiceBusSection = Field(default_factory=ServiceBusSection)


class LoggingSection(_Section):
    """logging; the levels are those of .NET (Trace … Critical, None)."""

    log_level: dict[str, str] = Field(default_factory=dict)


class HostJson(_Section):
    """The part of host.json that this host honours. `function_timeout` None means unbounded."""

    version: str = "2.0"
    function_timeout: Annotated[timedelta | None, BeforeValidator(_timeout)] = timedelta(minutes=30)
    extensions: ExtensionsSection = Field(default_factory=ExtensionsSection)
    logging: LoggingSection = Field(default_factory=LoggingSection)


def read_host_json(root: Path, environment: Mapping[str, str]) -> HostJson:
    """host.json of `root` under the overrides of `environment`.

    Raises SettingsError when the file is missing or a value is not what Azure expects.
    """
    path = root / "host.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        host = HostJson.model_validate(_canonical(overlay(document, environment)))
    except (OSError, ValueError, ValidationError) as exc:
        raise SettingsError(f"cannot use {path}: {exc}") from exc
    if host.version != "2.0":
        raise SettingsError(f'{path}: "version" must be "2.0", not {host.version!r}')
    if not host.extensions.service_bus.auto_complete_messages:
        raise SettingsError("autoCompleteMessages must be true: a Python function cannot settle its message")
    return host


def overlay(document: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """`document` with every override of `environment` written into it; names match in any case."""
    merged: dict[str, Any] = json.loads(json.dumps(document))
    for name in sorted(environment):
        if name.lower().startswith(OVERRIDE_PREFIX):
            _write(merged, name[len(OVERRIDE_PREFIX) :].split("__"), environment[name])
    return merged


def _write(node: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        name = _existing(node, key)
        if not isinstance(node.get(name), dict):
            node[name] = {}
        node = node[name]
    node[_existing(node, keys[-1])] = value


def _existing(node: Mapping[str, Any], key: str) -> str:
    return next((name for name in node if name.lower() == key.lower()), key)


_KNOWN_NAMES = {
    name.lower(): name
    for section in (HostJson, ExtensionsSection, HttpSection, ServiceBusSection, LoggingSection)
    for name in (to_camel(field) for field in section.model_fields)
}


def _canonical(node: Any) -> Any:
    """Give known names their canonical spelling: the .NET configuration is blind to case."""
    if not isinstance(node, dict):
        return node
    return {_KNOWN_NAMES.get(name.lower(), name): _canonical(value) for name, value in node.items()}
