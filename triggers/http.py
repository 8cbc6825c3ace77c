"""Reading requests and writing answers, the same for all HTTP triggers."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, TypeVar

import azure.functions as func
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import InvalidRequest

MAX_BODY_BYTES = 256 * 1024
_LONGEST_TEXT = 256
Body = TypeVar("Body", bound=BaseModel)
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no", "")


def json_body(req: func.HttpRequest, *, max_bytes: int = MAX_BODY_BYTES) -> Any:
    """The body of a request as JSON (RFC 8259, UTF-8).

    Raises:
        InvalidRequest: UNSUPPORTED_MEDIA_TYPE (415), BODY_TOO_LARGE (413), MALFORMED_JSON (400).
    """
    media_type = req.headers.get("Content-Type", "application/json").split(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise InvalidRequest(
            f"The body is {media_type!r}, not JSON.",
            code="UNSUPPORTED_MEDIA_TYPE",
            remedy="Send JSON with Content-Type: application/json.",
        )
    body = req.get_body() or b""
    if len(body) > max_bytes:
        raise InvalidRequest(
            f"The body has {len(body)} bytes; at most {max_bytes} are taken.",
            code="BODY_TOO_LARGE",
            remedy="Send less; data are given by reference to a blob.",
        )
    return _parse(body)


def optional_body(req: func.HttpRequest, model: type[Body]) -> Body:
    """The body as this model; without a body, the model's defaults.

    Raises:
        InvalidRequest: as `body_of`.
    """
    return body_of(req, model) if req.get_body() else model()


def body_of(req: func.HttpRequest, model: type[Body]) -> Body:
    """The body as this model.

    Raises:
        InvalidRequest: as `json_body`; VALIDATION_ERROR or UNKNOWN_FIELD with the fields.
    """
    try:
        return model.model_validate(json_body(req))
    except ValidationError as exc:
        found = [_field_error(error, model) for error in exc.errors(include_url=False, include_input=False)]
        unknown = all(each["code"] == "UNKNOWN_FIELD" for each in found)
        raise InvalidRequest(
            f"{found[0]['loc'] or 'body'}: {found[0]['msg']}. {found[0]['hint']}".strip(),
            code="UNKNOWN_FIELD" if unknown else None,
            remedy="Correct the fields named in field_errors.",
            field_errors=tuple(found),
        ) from exc


def _field_error(error: ErrorDetails, model: type[BaseModel]) -> dict[str, str]:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return {"loc": place, "msg": error["msg"], "hint": "", "code": "VALIDATION_ERROR"}
    near = get_close_matches(place, list(model.model_fields), n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(model.model_fields)}."
    return {"loc": place, "msg": "this field is not known", "hint": hint, "code": "UNKNOWN_FIELD"}


def _parse(body: bytes) -> Any:
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_no_constant
        )
        _check_text(value)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(
            f"The body is no JSON that we can read: {_why(exc)}.",
            code="MALFORMED_JSON",
            remedy="Send one JSON value in UTF-8.",
        ) from exc
    return value


def _check_text(value: Any) -> None:
    """Lone surrogates and NUL are valid in JSON, but no text that a database could store."""
    if isinstance(value, str):
        value.encode("utf-8")
        if "\x00" in value:
            raise ValueError("the NUL character is not allowed")
    elif isinstance(value, dict):
        for name, each in value.items():
            _check_text(name)
            _check_text(each)
    elif isinstance(value, list):
        for each in value:
            _check_text(each)


def _why(exc: Exception) -> str:
    if isinstance(exc, json.JSONDecodeError):
        return f"{exc.msg} (line {exc.lineno}, column {exc.colno})"
    if isinstance(exc, UnicodeError):
        return "it is not valid UTF-8"
    return "it is nested too deeply" if isinstance(exc, RecursionError) else str(exc)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return values


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def flag(req: func.HttpRequest, name: str) -> bool:
    """A query parameter that is true or false; false when it is not there.

    Raises:
        InvalidRequest: it is something else.
    """
    text = req.params.get(name, "").lower()
    if text not in (*_TRUE, *_FALSE):
        raise bad_parameter(name, "must be true or false")
    return text in _TRUE


def number(req: func.HttpRequest, name: str, *, default: int, least: int, most: int) -> int:
    """A query parameter that is a whole number from `least` to `most`.

    Raises:
        InvalidRequest: it is something else.
    """
    text = req.params.get(name, str(default))
    if not (re.fullmatch(r"-?[0-9]{1,9}", text) and least <= int(text) <= most):
        raise bad_parameter(name, f"must be a whole number from {least} to {most}")
    return int(text)


def choice(req: func.HttpRequest, name: str, allowed: Sequence[str]) -> str | None:
    """A query parameter that is one of these words; None when it is not there.

    Raises:
        InvalidRequest: it is something else.
    """
    text: str | None = req.params.get(name)
    if text is not None and text not in allowed:
        raise bad_parameter(name, "must be one of " + ", ".join(allowed))
    return text


def text_of(req: func.HttpRequest, name: str) -> str | None:
    """A query parameter as text that a database takes; None when it is not there.

    Raises:
        InvalidRequest: it holds control characters, or is longer than anything that could be found.
    """
    text: str | None = req.params.get(name)
    if text is not None and (len(text) > _LONGEST_TEXT or not text.isprintable()):
        raise bad_parameter(name, f"must be printable, with at most {_LONGEST_TEXT} characters")
    return text


def moment(req: func.HttpRequest, name: str) -> datetime | None:
    """A query parameter that is a time (RFC 3339); None when it is not there.

    Raises:
        InvalidRequest: it is something else, or has no offset.
    """
    text = text_of(req, name)
    if text is None:
        return None
    refusal = bad_parameter(name, "must be a time like 2024-05-01T12:00:00Z")
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that was not encoded
        at = found.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise refusal from exc
    if found.tzinfo is None:
        raise refusal
    return at


def bad_parameter(name: str, message: str) -> InvalidRequest:
    """The refusal of a query parameter."""
    return InvalidRequest(
        f"{name}: {message}.",
        remedy="Correct the query parameters named in field_errors.",
        field_errors=({"loc": name, "msg": message, "hint": "", "code": "VALIDATION_ERROR"},),
    )


def json_answer(
    content: BaseModel | Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """An answer in JSON."""
    text = content.model_dump_json() if isinstance(content, BaseModel) else json.dumps(content, default=str)
    return func.HttpResponse(
        text, status_code=status, mimetype="application/json", headers=dict(headers or {})
    )


def conditional_answer(
    req: func.HttpRequest, content: BaseModel, *, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """An answer in JSON with its ETag; see `conditional_text`."""
    return conditional_text(req, content.model_dump_json(), mimetype="application/json", headers=headers)


def conditional_text(
    req: func.HttpRequest, text: str, *, mimetype: str, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """An answer with its ETag; 304 without a body when the client has it already (RFC 9110, 13.1.2)."""
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    all_headers = {"ETag": etag, "Cache-Control": "private, no-cache", **(headers or {})}
    known = {each.strip().removeprefix("W/") for each in req.headers.get("If-None-Match", "").split(",")}
    if etag in known or "*" in known:
        return func.HttpResponse(status_code=304, headers=all_headers)
    return func.HttpResponse(text, status_code=200, mimetype=mimetype, charset="utf-8", headers=all_headers)
