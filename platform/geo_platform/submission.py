"""From a client's body to a `Submission`: read once, with everything that is wrong said at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import InvalidRequest
from geo_platform import identity
from geo_platform.models import REQUEST_MODELS, DDHRequest, RasterRequest, SubmissionBody, VectorRequest
from geo_platform.source import check_format, check_place
from geo_platform.states import DataType

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
}


class SubmissionOptions(Protocol):
    """Who the client is, and where sources lie."""

    @property
    def client_id(self) -> str: ...

    @property
    def namespace(self) -> str: ...

    @property
    def source_container(self) -> str: ...


@dataclass(frozen=True)
class Submission:
    """What a client asks for, in the Platform's own words. `original` is the body as it came."""

    client_id: str
    namespace: str
    request: DDHRequest
    original: Mapping[str, Any]

    @property
    def identifiers(self) -> dict[str, str]:
        """The client's own names of the dataset."""
        return {
            "dataset_id": self.request.dataset_id,
            "resource_id": self.request.resource_id,
            "version_id": self.request.version_id,
        }

    @property
    def data_type(self) -> DataType:
        """Which chain will serve it."""
        return self.request.request_type

    @cached_property
    def content(self) -> dict[str, Any]:
        """What decides the result, with defaults filled in: two equal contents are the same request."""
        return {
            "request_type": self.data_type.value,
            "source_path": self.request.source_path,
            "processing_config": self.request.processing_config.model_dump(mode="json"),
        }

    @cached_property
    def dataset_key(self) -> str:
        """The identity of the dataset."""
        return identity.dataset_key(self.namespace, self.identifiers)

    @cached_property
    def fingerprint(self) -> str:
        """The identity of the content."""
        return identity.fingerprint(self.content)

    @cached_property
    def collection_id(self) -> str:
        """The public name of the dataset."""
        return identity.collection_id(self.identifiers, self.dataset_key)


def parse_submission(body: Any, *, options: SubmissionOptions) -> Submission:
    """Read a body (S1's `DDHRequest`).

    Raises:
        InvalidRequest: with one entry in `field_errors` for each problem. The code is theirs if they
            share one, `VALIDATION_ERROR` otherwise.
    """
    if not isinstance(body, Mapping):
        raise InvalidRequest(
            "The body must be a JSON object.", remedy="Send the fields of a request as an object."
        )
    data_type = _data_type(body)
    model: type[BaseModel] = REQUEST_MODELS[data_type] if data_type else SubmissionBody
    try:
        # Without a type there is no telling what belongs into these two.
        known = body if data_type else _without(body, "request_type", "processing_config")
        request = model.model_validate(known)
    except ValidationError as exc:
        problems = [_problem(error, model) for error in exc.errors(include_url=False)]
    else:
        problems = list(_contradictions(request, options.source_container))
    if data_type is None:
        problems.insert(0, _type_problem(body))
    if problems:
        raise _refusal(problems)
    return Submission(options.client_id, options.namespace, request, dict(body))  # type: ignore[arg-type]


def _data_type(body: Mapping[str, Any]) -> DataType | None:
    named = body.get("request_type")
    return DataType(named) if isinstance(named, str) and named in list(DataType) else None


def _without(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def _type_problem(body: Mapping[str, Any]) -> FieldError:
    if "request_type" not in body:
        return _field_error("request_type", "Field required", code="VALIDATION_ERROR", hint=_allowed_types())
    named = body["request_type"]
    near = _nearest(named.lower(), list(DataType)) if isinstance(named, str) else ""
    return _field_error(
        "request_type",
        "this type of data is not known",
        code="UNKNOWN_DATA_TYPE",
        hint=" ".join(filter(None, (_allowed_types(), near))),
    )


def _allowed_types() -> str:
    return "Allowed: " + ", ".join(DataType) + "."


def _contradictions(request: BaseModel, container: str) -> Iterator[FieldError]:
    """What only shows when the single fields are right."""
    if isinstance(request, SubmissionBody) and (problem := check_place(request.source_path, container)):
        yield _field_error("source_path", problem, code="SOURCE_INVALID")
    elif isinstance(request, VectorRequest | RasterRequest):
        problem = check_format(request.source_path, request.request_type)
        if problem:
            yield _field_error("source_path", problem, code="UNSUPPORTED_FORMAT")


def _problem(error: ErrorDetails, model: type[BaseModel]) -> FieldError:
    place = [str(part) for part in error["loc"]]
    code = _CODES.get(error["type"], "VALIDATION_ERROR")
    hint = _nearest(place[-1], _fields_at(model, place[:-1])) if code == "UNKNOWN_FIELD" else ""
    message = "this field is not known" if code == "UNKNOWN_FIELD" else error["msg"]
    return _field_error(".".join(place), message, code=code, hint=hint)


def _fields_at(model: type[BaseModel], place: list[str]) -> list[str]:
    """The fields of the model, or of the model that one of its fields is."""
    for name in place:
        annotation = model.model_fields[name].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    names = list(model.model_fields)
    return names if place or model is not SubmissionBody else [*names, "request_type", "processing_config"]


def _nearest(name: str, known: list[Any]) -> str:
    found = get_close_matches(name, [str(each) for each in known], n=1)
    return f"Did you mean {found[0]!r}?" if found else ""


def _field_error(loc: str, msg: str, *, code: str, hint: str = "") -> FieldError:
    return {"loc": loc, "msg": msg, "hint": hint, "code": code}


def _refusal(problems: list[FieldError]) -> InvalidRequest:
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
