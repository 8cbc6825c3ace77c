"""Which form of the report a client wants (RFC 9110, section 12.5.1)."""

from collections.abc import Iterator
from typing import Literal, cast

import azure.functions as func

from core.errors import InvalidRequest
from triggers.http import choice

Form = Literal["json", "html"]
_MEDIA_TYPES: dict[Form, str] = {"json": "application/json", "html": "text/html"}


def wanted_form(req: func.HttpRequest) -> Form:
    """`f` if it is given, else what `Accept` likes best; JSON where it likes both alike.

    Raises:
        InvalidRequest: `f` is something else, or (NOT_ACCEPTABLE) `Accept` takes neither.
    """
    if (form := choice(req, "f", list(_MEDIA_TYPES))) is not None:
        return cast("Form", form)
    accepted = list(_ranges(req.headers.get("Accept", ""))) or [("*/*", 1.0)]
    liking = {form: _quality(media_type, accepted) for form, media_type in _MEDIA_TYPES.items()}
    if not any(liking.values()):
        raise InvalidRequest(
            "The report is there as application/json and as text/html.",
            code="NOT_ACCEPTABLE",
            remedy="Accept one of these media types, or ask by f=json or f=html.",
        )
    return "html" if liking["html"] > liking["json"] else "json"


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    """Media ranges with their weights; what is not well formed is left out."""
    for entry in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if "/" in media_range and weight.replace(".", "", 1).isdecimal():
            yield media_range, min(float(weight), 1.0)


def _quality(media_type: str, accepted: list[tuple[str, float]]) -> float:
    """The weight of the most specific range that it is in."""
    for wanted in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        weights = [weight for media_range, weight in accepted if media_range == wanted]
        if weights:
            return max(weights)
    return 0.0
