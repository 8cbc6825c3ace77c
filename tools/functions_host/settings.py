"""App settings: the environment first, then `Values` of local.settings.json.

Core Tools put a value of the file into the environment only where the environment lacks the name, so a
shell or a compose file can override a developer's file. The result is the environment of the app: it must
be complete before `function_app` is imported.
"""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.functions_host.errors import SettingsError

_PERCENT_NAME = re.compile(r"%([^%]+)%")
_TRUE = frozenset({"true", "1"})


class LocalHostSection(BaseModel):
    """`Host` of local.settings.json; names this host has no use for are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    cors: str = Field(default="", alias="CORS")
    cors_credentials: bool = Field(default=False, alias="CORSCredentials")


class LocalSettings(BaseModel):
    """local.settings.json, the part that Core Tools read."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    is_encrypted: bool = Field(default=False, alias="IsEncrypted")
    values: dict[str, str] = Field(default_factory=dict, alias="Values")
    host: LocalHostSection = Field(default_factory=LocalHostSection, alias="Host")


def read_local_settings(root: Path, explicit: Path | None) -> LocalSettings:
    """Read `explicit`, or local.settings.json in `root` when there is one.

    Raises SettingsError when the named file is missing, malformed or encrypted.
    """
    path = explicit or root / "local.settings.json"
    if explicit is None and not path.exists():
        return LocalSettings()
    try:
        settings = LocalSettings.model_validate(json.loads(path.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError, ValidationError) as exc:
        raise SettingsError(f"cannot use {path}: {exc}") from exc
    if settings.is_encrypted:
        raise SettingsError(f"{path} is encrypted; decrypt it with `func settings decrypt`")
    return settings


def apply_to_environment(settings: LocalSettings, environment: MutableMapping[str, str] = os.environ) -> None:
    """Add the file's values to `environment` where it lacks them, and mark it as Development."""
    for name, value in settings.values.items():
        environment.setdefault(name, value)
    environment.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")


def is_true(value: str | None) -> bool:
    """Whether a setting reads as true; the Azure host takes `true` and `1` in any case."""
    return value is not None and value.strip().lower() in _TRUE


def positive_int(
    environment: Mapping[str, str], name: str, *, default: int, maximum: int | None = None
) -> int:
    """The setting `name` as an integer of at least 1. Raises SettingsError for anything else."""
    text = environment.get(name)
    if not text:
        return default
    try:
        number = int(text)
    except ValueError as exc:
        raise SettingsError(f"{name} must be a whole number, not {text!r}") from exc
    if number < 1 or (maximum is not None and number > maximum):
        raise SettingsError(f"{name} must lie between 1 and {maximum or 'any number'}, not {number}")
    return number


def resolve_names(text: str, environment: Mapping[str, str]) -> str:
    """Replace each `%NAME%` with the app setting NAME. Raises SettingsError for a name without value."""

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environment:
            raise SettingsError(f"'%{name}%' does not resolve to a value: the app setting {name} is missing")
        return environment[name]

    return _PERCENT_NAME.sub(value_of, text)
