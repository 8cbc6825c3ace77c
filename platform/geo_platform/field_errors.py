"""What is wrong with a body, field by field: with a place, a code and a hint."""

from collections.abc import Sequence
from difflib import get_close_matches

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from core.errors import InvalidRequest
from geo_platform.bodies import REQUEST_MODELS, UntypedBody
from geo_platform.source import types_of
from geo_platform.states import DATA_TYPE_ALIASES, DataType

FieldError = dict[str, str]

_CODES = {
    "extra_forbidden": "UNKNOWN_FIELD",
    "source_invalid": "SOURCE_INVALID",
    "callback_not_supported": "CALLBACK_NOT_SUPPORTED",
}
_REMEDIES = {
    "UNKNOWN_FIELD": "Remove or rename the fields named in field_errors.",
    "UNKNOWN_DATA_TYPE": "Use one of the allowed request types.",
    "SOURCE_INVALID": "Give the source as bronze/<path>, in plain characters.",
    "UNSUPPORTED_FORMAT": "Convert the source to one of the formats named, or correct request_type.",
    "CALLBACK_NOT_SUPPORTED": "Leave callback_url out and poll the status_url of the answer.",
    "CONFLICTING_FIELDS": "Leave out one of the fields that exclude each other.",
}


def field_error(loc: str, msg: str, *, code: str, hint: str = "") -> FieldError:
    """One thing that is wrong."""
    return {"loc": loc, "msg": msg, "hint": hint, "code": code}


def of_validation(error: ErrorDetails, model: type[BaseModel]) -> FieldError:
    """What a model found wrong."""
    place = [str(part) for part in error["loc"]]
    code = _CODES.get(error["type"], "VALIDATION_ERROR")
    if code != "UNKNOWN_FIELD":
        return field_error(".".join(place), error["msg"], code=code)
    return field_error(".".join(place), "this field is not known", code=code, hint=_where_known(place, model))


def of_type(named: object, *, is_missing: bool, source: object = None) -> FieldError:
    """A type of data that is missing or not known (`auto` is none); the name of the source may tell it."""
    fitting = _fitting(source)
    if is_missing:
        hint = " ".join(filter(None, (_allowed_types(), fitting)))
        return field_error("request_type", "Field required", code="VALIDATION_ERROR", hint=hint)
    near = _nearest(named.lower(), [*DataType, *DATA_TYPE_ALIASES]) if isinstance(named, str) else ""
    return field_error(
        "request_type",
        "this type of data is not known",
        code="UNKNOWN_DATA_TYPE",
        hint=" ".join(filter(None, (_allowed_types(), near or fitting))),
    )


def refusal(problems: Sequence[FieldError]) -> InvalidRequest:
    """All of them; the code is theirs if they share one, VALIDATION_ERROR otherwise."""
    codes = {problem["code"] for problem in problems}
    code = codes.pop() if len(codes) == 1 else "VALIDATION_ERROR"
    first = problems[0]
    more = f" ({len(problems) - 1} more in field_errors)" if len(problems) > 1 else ""
    return InvalidRequest(
        f"{first['loc']}: {first['msg']}{more}. {first['hint']}".strip(),
        code=code,
        remedy=_REMEDIES.get(code, "Correct the fields named in field_errors."),
        field_errors=tuple(problems),
    )


def _where_known(place: Sequence[str], model: type[BaseModel]) -> str:
    """The field of this model that was meant, or the types of data that have it."""
    *above, name = place
    others = [data_type for data_type, other in REQUEST_MODELS.items() if name in _fields_at(other, above)]
    if others and model is not UntypedBody:
        return f"It is an option of request_type {', '.join(others)}."
    return _nearest(name, _fields_at(model, above))


def _fields_at(model: type[BaseModel], place: Sequence[str]) -> list[str]:
    """The fields of the model, or of the model that one of its fields is."""
    for name in place:
        annotation = field.annotation if (field := model.model_fields.get(name)) else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    names = list(model.model_fields)
    return names if place or model is not UntypedBody else [*names, *WITHOUT_A_TYPE]


def _nearest(name: str, known: Sequence[str]) -> str:
    found = get_close_matches(name, [str(each) for each in known], n=1)
    return f"Did you mean {found[0]!r}?" if found else ""


def _fitting(source: object) -> str:
    found = types_of(source, extras=list(DataType)) if isinstance(source, str) else []
    return f"A source of this name is taken by {' or '.join(found)}." if found else ""


def _allowed_types() -> str:
    return "Allowed: " + ", ".join(DataType) + "."


WITHOUT_A_TYPE = (
    "request_type",
    "blob_pattern",
    "blob_paths",
    "processing_config",
)
"""The fields of which nothing can be said before the type of data is known."""
