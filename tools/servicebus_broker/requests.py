"""Request and response over links, as $cbs and $management do it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tools.servicebus_broker.amqp.decode import decode
from tools.servicebus_broker.amqp.encode import encode, encode_described_list
from tools.servicebus_broker.amqp.errors import MalformedFrame
from tools.servicebus_broker.amqp.types import Described, Int, Symbol, ULong
from tools.servicebus_broker.messages import APPLICATION_PROPERTIES, PROPERTIES, VALUE

Handler = Callable[["Request"], "Response"]

_CORRELATION_FIELD = 5


@dataclass(frozen=True, slots=True)
class Request:
    """A decoded request; ``message_id`` keeps its AMQP type."""

    operation: str
    message_id: str | bytes | UUID | ULong | None
    reply_to: str | None
    body: Any


@dataclass(frozen=True, slots=True)
class Response:
    """A status with, for a success, a body; for a failure, an error condition."""

    status: int
    description: str
    body: dict[str, Any] | None = None
    condition: str | None = None
    names: tuple[str, str, str] = field(default=("statusCode", "statusDescription", "errorCondition"))


def read_request(data: bytes) -> Request:
    """Read an encoded request message. Raises MalformedFrame."""
    sections: dict[int, Any] = {}
    position = 0
    while position < len(data):
        section, position = decode(data, position)
        if not isinstance(section, Described) or not isinstance(section.descriptor, int):
            raise MalformedFrame("a section of a message is a described value")
        sections[section.descriptor] = section.value
    properties = sections.get(PROPERTIES, [])
    application_properties = sections.get(APPLICATION_PROPERTIES, {})
    if not isinstance(properties, list) or not isinstance(application_properties, dict):
        raise MalformedFrame("properties are a list and application properties a map")
    message_id, _, _, _, reply_to, correlation_id = (properties + [None] * 6)[:6]
    return Request(
        operation=str(application_properties.get("operation", "")),
        message_id=message_id if message_id is not None else correlation_id,
        reply_to=reply_to,
        body=sections.get(VALUE),
    )


def write_response(request: Request, response: Response) -> bytes:
    """Return the encoded answer: its correlation id is the request's message id, type and all."""
    properties: list[Any] = [None] * _CORRELATION_FIELD + [request.message_id]
    code_name, text_name, condition_name = response.names
    values: dict[str, Any] = {code_name: Int(response.status), text_name: response.description}
    if response.condition is not None:
        values[condition_name] = Symbol(response.condition)
    return b"".join(
        (
            encode_described_list(PROPERTIES, properties),
            encode(Described(ULong(APPLICATION_PROPERTIES), values)),
            encode(Described(ULong(VALUE), response.body)),
        )
    )
