"""The words in which the HTTP API is declared: operations, their parameters and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

JSON, GEOJSON, PROBLEM = "application/json", "application/geo+json", "application/problem+json"
SCHEMA = "application/schema+json"
PICTURE, MVT, HTML = "image/*", "application/vnd.mapbox-vector-tile", "text/html"


class Tag(StrEnum):
    """The chapters of the API."""

    PLATFORM = "Platform"
    JOBS = "Jobs"
    FEATURES = "Features and vector tiles"
    RASTERS = "Rasters"
    STAC = "STAC"
    OPERATIONS = "Operations"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in the query or a header; those of the path are read from the path."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    place: str = "query"


def whole(least: int, most: int, default: int) -> dict[str, Any]:
    """The schema of a whole number."""
    return {"type": "integer", "minimum": least, "maximum": most, "default": default}


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: JSON of a model (or of one of several), or some media type; or `also` others."""

    description: str
    models: tuple[type[BaseModel], ...] = ()
    media_type: str | None = JSON
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. Paths below `/api/platform/` exist without `/api` as well."""

    method: str
    path: str
    summary: str
    tag: Tag
    answers: Mapping[int, Answer]
    body: tuple[type[BaseModel], ...] = ()
    body_examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    body_is_optional: bool = False
    takes_any_json: bool = False
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[int, ...] = ()


def get(
    path: str,
    summary: str,
    tag: Tag,
    answer: str,
    *,
    model: type[BaseModel] | None = None,
    media_type: str = JSON,
    parameters: tuple[Parameter, ...] = (),
    errors: tuple[int, ...] = (),
) -> Operation:
    """A GET that answers 200 with one thing."""
    given = Answer(answer, (model,) if model else (), media_type)
    return Operation("GET", path, summary, tag, {200: given}, parameters=parameters, errors=errors)
