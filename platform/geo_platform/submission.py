"""From a client's body to a `Submission`: read once, with everything that is wrong said at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from core.errors import InvalidRequest
from geo_platform import field_errors, identity
from geo_platform.bodies import REQUEST_MODELS, DDHRequest, RasterCollectionRequest, UntypedBody
from geo_platform.collection_source import CollectionSource, collection_source
from geo_platform.contradictions import Rules, contradictions
from geo_platform.states import DataType


class SubmissionOptions(Rules, Protocol):
    """Who the client is, besides where sources lie and what is allowed here."""

    @property
    def client_id(self) -> str: ...

    @property
    def namespace(self) -> str: ...


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
    def collection(self) -> CollectionSource | None:
        """Where its files lie, if it is a collection."""
        if not isinstance(self.request, RasterCollectionRequest):
            return None
        return collection_source(
            source_path=self.request.source_path,
            blob_pattern=self.request.blob_pattern,
            blob_paths=self.request.blob_paths,
        )

    @cached_property
    def source_path(self) -> str:
        """The URI of the source; of a collection by names the first, and how many more."""
        return self.collection.name if self.collection else str(self.request.source_path)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What decides the result, as far as it is stored with the request."""
        return {
            "request_type": self.data_type.value,
            "source_path": self.source_path,
            "processing_config": self.request.processing_config.model_dump(mode="json"),
        }

    @cached_property
    def content(self) -> dict[str, Any]:
        """What decides the result, with defaults filled in: two equal contents are the same request."""
        paths = self.collection.paths if self.collection else None
        return {**self.summary, "blob_paths": list(paths)} if paths else self.summary

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
    named = body.get("request_type")
    data_type = DataType.named(named) if isinstance(named, str) else None
    if data_type is None:
        raise field_errors.refusal(list(_without_a_type(body, named)))
    model = REQUEST_MODELS[data_type]
    try:
        request = model.model_validate({**body, "request_type": data_type})
    except ValidationError as exc:
        raise field_errors.refusal(_problems(exc, model)) from exc
    if problems := list(contradictions(request, options)):
        raise field_errors.refusal(problems)
    return Submission(options.client_id, options.namespace, request, dict(body))


def _without_a_type(body: Mapping[str, Any], named: Any) -> list[field_errors.FieldError]:
    """What can be said all the same."""
    is_missing = "request_type" not in body
    problems = [field_errors.of_type(named, is_missing=is_missing, source=body.get("source_path"))]
    known = {name: value for name, value in body.items() if name not in field_errors.WITHOUT_A_TYPE}
    try:
        UntypedBody.model_validate(known)
    except ValidationError as exc:
        problems += _problems(exc, UntypedBody)
    return problems


def _problems(exc: ValidationError, model: type[BaseModel]) -> list[field_errors.FieldError]:
    return [field_errors.of_validation(error, model) for error in exc.errors(include_url=False)]
