"""Access keys of HTTP functions.

FUNCTION takes the function's own keys, the host keys or the master key; ADMIN the master key alone; ANONYMOUS
none. The `x-functions-key` header is read first, else the `code` query parameter.
"""

import hmac
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.functions_host.errors import SettingsError

KEYS_SETTING = "FUNCTIONS_HOST_KEYS"


class AccessKeys(BaseModel):
    """Keys by name: `{"master": "…", "host": {"default": "…"}, "functions": {"submit": {…}}}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    master: str = Field(min_length=1)
    host: dict[str, str] = Field(default_factory=dict)
    functions: dict[str, dict[str, str]] = Field(default_factory=dict)

    def allows(self, level: object, function: str, presented: str | None) -> bool:
        """Whether `presented` opens `function` at `level`."""
        if level == func.AuthLevel.ANONYMOUS:
            return True
        return presented is not None and _is_one_of(presented, self._accepted(level, function))

    def _accepted(self, level: object, function: str) -> list[str]:
        if level == func.AuthLevel.ADMIN:
            return [self.master]
        own = next((keys for name, keys in self.functions.items() if name.lower() == function.lower()), {})
        return [self.master, *self.host.values(), *own.values()]


def _is_one_of(presented: str, accepted: Iterable[str]) -> bool:
    # Every comparison is made, so that the time tells nothing about the keys.
    matches = [hmac.compare_digest(presented.encode(), key.encode()) for key in accepted]
    return True in matches


def read_keys(keys_file: Path | None, environment: Mapping[str, str] = os.environ) -> AccessKeys | None:
    """The keys of `keys_file`, else those of FUNCTIONS_HOST_KEYS; None means that no key is asked for.

    Raises SettingsError for a file or setting that is not such a document.
    """
    source = str(keys_file) if keys_file else KEYS_SETTING
    try:
        text = keys_file.read_text(encoding="utf-8") if keys_file else environment.get(KEYS_SETTING)
        return AccessKeys.model_validate(json.loads(text)) if text else None
    except (OSError, ValueError, ValidationError) as exc:
        raise SettingsError(f"cannot use the keys of {source}: {exc}") from exc
