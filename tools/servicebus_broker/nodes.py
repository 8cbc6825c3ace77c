"""Addresses of links: what is behind a path."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tools.servicebus_broker.amqp.errors import AmqpError
from tools.servicebus_broker.amqp.types import Described
from tools.servicebus_broker.engine.queue import Queue

CBS_PATH = "$cbs"
MANAGEMENT_SUFFIX = "/$management"
SESSION_FILTER = "com.microsoft:session-filter"

_SOURCE_FILTER_FIELD = 7
_TERMINUS_CODES = (0x28, 0x29)


@dataclass(frozen=True, slots=True)
class QueueNode:
    """Messages of a queue."""

    queue: Queue


@dataclass(frozen=True, slots=True)
class RequestNode:
    """$cbs (no queue) or the $management of a queue: answers requests."""

    path: str
    queue: Queue | None


Node = QueueNode | RequestNode


def resolve(terminus: Described | None, queues: Mapping[str, Queue]) -> Node:
    """Return the node that a source or target names.

    Raises AmqpError: amqp:not-found for an unknown path, amqp:not-implemented for a topic or anything
    that is no plain address.
    """
    path = _path(terminus)
    if path == CBS_PATH:
        return RequestNode(path, None)
    entity = path.removesuffix(MANAGEMENT_SUFFIX)
    queue = queues.get(entity)
    if queue is None and "/subscriptions/" in entity:
        raise AmqpError("amqp:not-implemented", "the development broker has no topics and subscriptions")
    if queue is None:
        raise AmqpError("amqp:not-found", f"The messaging entity '{entity}' could not be found.")
    return QueueNode(queue) if entity == path else RequestNode(path, queue)


def refuse_filters(source: Described | None) -> None:
    """Raise AmqpError if the source carries a filter: this broker applies none, and says so."""
    fields = source.value if source is not None else []
    filters = fields[_SOURCE_FILTER_FIELD] if len(fields) > _SOURCE_FILTER_FIELD else None
    if not filters:
        return
    if SESSION_FILTER in filters:
        raise AmqpError("amqp:not-implemented", "the development broker has no sessions")
    raise AmqpError("amqp:not-implemented", "the development broker has no receive filters")


def address_text(terminus: Described | None) -> str | None:
    """Return the address of a source or target as it was written, if it has one."""
    address: Any = _fields(terminus)[0] if _fields(terminus) else None
    return address if isinstance(address, str) else None


def _path(terminus: Described | None) -> str:
    """Return the address without scheme and authority, in lower case."""
    address = address_text(terminus)
    if address is None:
        raise AmqpError("amqp:not-implemented", "a link names an address (no dynamic nodes, no transactions)")
    if "://" in address:
        address = address.split("://", 1)[1].partition("/")[2]
    return unquote(address).strip("/").lower()


def _fields(terminus: Described | None) -> list[Any]:
    if terminus is None or terminus.descriptor not in _TERMINUS_CODES or not isinstance(terminus.value, list):
        return []
    return terminus.value
