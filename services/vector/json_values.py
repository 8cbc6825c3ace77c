"""Lists, structures and JSON of a source as JSON texts."""

import json
import math
from typing import Any

import pyarrow as pa


def json_array(array: pa.Array) -> pa.Array:
    """Each value as a JSON text (`string`), nulls as nulls."""
    is_text = isinstance(array.type, pa.JsonType) or pa.types.is_string(array.type)
    write = _text_of if is_text else json_text
    values = array.storage if isinstance(array, pa.ExtensionArray) else array
    return pa.array([None if value is None else write(value) for value in values.to_pylist()], pa.string())


def _text_of(value: str) -> str:
    """A JSON document as it is, and any other text as that text."""
    try:
        json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return json_text(value)
    return value


def json_text(value: Any) -> str:
    """A value as JSON; what that has no word for (NaN, dates, decimals) as text, bytes in hexadecimal."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, default=_as_text)


def _plain(value: Any) -> Any:
    """The same, with numbers that JSON does not have as texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return value


def _as_text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")
