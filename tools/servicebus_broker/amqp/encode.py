"""Encoding of AMQP 1.0 values (amqp-core v1.0, sections 1.2 to 1.6).

A plain Python int is refused on purpose: an AMQP peer tells uint, int and long apart.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any
from uuid import UUID

from tools.servicebus_broker.amqp.errors import EncodeError
from tools.servicebus_broker.amqp.types import (
    Array,
    Byte,
    Char,
    Decimal,
    Described,
    Float,
    Int,
    Long,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

_U32 = Struct(">I").pack
_U32_PAIR = Struct(">II").pack
_DECIMAL_CODES = {4: b"\x74", 8: b"\x84", 16: b"\x94"}


def encode(value: Any) -> bytes:
    """Return the AMQP encoding of ``value``; the shortest form for the common types.

    Raises EncodeError for a type without one, OverflowError or struct.error for a number out of range.
    """
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise EncodeError(f"{type(value).__name__} has no AMQP encoding")
    return encoder(value)


def encode_described_list(code: int, fields: list[Any]) -> bytes:
    """Return a described list: a performative, an outcome, a header or properties section."""
    return b"\x00\x53" + bytes((code,)) + _encode_list(fields)


def variable(data: bytes, code8: bytes, code32: bytes) -> bytes:
    """Return ``data`` behind its constructor and length."""
    if len(data) < 256:
        return code8 + bytes((len(data),)) + data
    return code32 + _U32(len(data)) + data


def compound(body: bytes, count: int, *, code8: bytes, code32: bytes) -> bytes:
    """Return encoded elements behind the constructor, size and count of their list, map or array."""
    if len(body) < 255 and count < 256:
        return code8 + bytes((len(body) + 1, count)) + body
    return code32 + _U32_PAIR(len(body) + 4, count) + body


def _encode_list(values: list[Any]) -> bytes:
    if not values:
        return b"\x45"
    return compound(b"".join([encode(v) for v in values]), len(values), code8=b"\xc0", code32=b"\xd0")


def _encode_map(values: dict[Any, Any]) -> bytes:
    body = b"".join([encode(key) + encode(value) for key, value in values.items()])
    return compound(body, 2 * len(values), code8=b"\xc1", code32=b"\xd1")


def _encode_array(values: Array) -> bytes:
    if not values:
        return compound(b"\x40", 0, code8=b"\xe0", code32=b"\xf0")
    kinds = {type(value) for value in values}
    if len(kinds) > 1:
        raise EncodeError("the elements of an array are of one type")
    kind = kinds.pop()
    if kind is Described:
        return _encode_described_array(values)
    code, encode_element = _element_encoder(kind)
    body = code + b"".join([encode_element(value) for value in values])
    return compound(body, len(values), code8=b"\xe0", code32=b"\xf0")


def _encode_described_array(values: Array) -> bytes:
    descriptors = {encode(value.descriptor) for value in values}
    kinds = {type(value.value) for value in values}
    if len(descriptors) > 1 or len(kinds) > 1:
        raise EncodeError("the elements of an array share descriptor and type")
    code, encode_element = _element_encoder(kinds.pop())
    body = b"\x00" + descriptors.pop() + code + b"".join([encode_element(value.value) for value in values])
    return compound(body, len(values), code8=b"\xe0", code32=b"\xf0")


def _element_encoder(kind: type) -> tuple[bytes, Callable[[Any], bytes]]:
    try:
        return _ELEMENTS[kind]
    except KeyError as exc:
        raise EncodeError(f"an array of {kind.__name__} is not supported") from exc


def _shorter(layout: str, full: bytes, small: bytes) -> Callable[[Any], bytes]:
    """Numbers of two forms: one byte where it suffices, signed when ``layout`` is."""
    pack = Struct(layout).pack
    low, high = (-128, 127) if layout.islower() else (0, 255)

    def write(value: Any) -> bytes:
        if low <= value <= high:
            return small + bytes((value & 0xFF,))
        return full + pack(value)

    return write


def _sized(prefix: bytes, layout: str) -> Callable[[Any], bytes]:
    pack = Struct(layout).pack
    return lambda value: prefix + pack(value)


def _utf8_32(value: str) -> bytes:
    raw = value.encode("utf-8")
    return _U32(len(raw)) + raw


def _binary_32(value: bytes) -> bytes:
    return _U32(len(value)) + value


def _compound_32(value: Any) -> bytes:
    """A list, map or array as an array's element: always with a 32-bit header."""
    if isinstance(value, dict):
        body = b"".join([encode(key) + encode(item) for key, item in value.items()])
        return _U32_PAIR(len(body) + 4, 2 * len(value)) + body
    body = b"".join([encode(item) for item in value])
    return _U32_PAIR(len(body) + 4, len(value)) + body


def _decimal(value: Decimal) -> bytes:
    return _DECIMAL_CODES[len(value.raw)] + value.raw


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _value: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    UByte: _sized(b"\x50", ">B"),
    Byte: _sized(b"\x51", ">b"),
    UShort: _sized(b"\x60", ">H"),
    Short: _sized(b"\x61", ">h"),
    UInt: _shorter(">I", full=b"\x70", small=b"\x52"),
    Int: _shorter(">i", full=b"\x71", small=b"\x54"),
    ULong: _shorter(">Q", full=b"\x80", small=b"\x53"),
    Long: _shorter(">q", full=b"\x81", small=b"\x55"),
    Timestamp: _sized(b"\x83", ">q"),
    Char: _sized(b"\x73", ">I"),
    Float: _sized(b"\x72", ">f"),
    float: _sized(b"\x82", ">d"),
    Decimal: _decimal,
    UUID: lambda value: b"\x98" + value.bytes,
    bytes: lambda value: variable(value, b"\xa0", b"\xb0"),
    str: lambda value: variable(value.encode("utf-8"), b"\xa1", b"\xb1"),
    Symbol: lambda value: variable(value.encode("ascii"), b"\xa3", b"\xb3"),
    list: _encode_list,
    dict: _encode_map,
    Array: _encode_array,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
}

_ELEMENTS: dict[type, tuple[bytes, Callable[[Any], bytes]]] = {
    type(None): (b"\x40", lambda _value: b""),
    bool: (b"\x56", lambda value: b"\x01" if value else b"\x00"),
    UByte: (b"\x50", Struct(">B").pack),
    Byte: (b"\x51", Struct(">b").pack),
    UShort: (b"\x60", Struct(">H").pack),
    Short: (b"\x61", Struct(">h").pack),
    UInt: (b"\x70", Struct(">I").pack),
    Int: (b"\x71", Struct(">i").pack),
    ULong: (b"\x80", Struct(">Q").pack),
    Long: (b"\x81", Struct(">q").pack),
    Timestamp: (b"\x83", Struct(">q").pack),
    Char: (b"\x73", Struct(">I").pack),
    Float: (b"\x72", Struct(">f").pack),
    float: (b"\x82", Struct(">d").pack),
    UUID: (b"\x98", lambda value: bytes(value.bytes)),
    bytes: (b"\xb0", _binary_32),
    str: (b"\xb1", _utf8_32),
    Symbol: (b"\xb3", _utf8_32),
    list: (b"\xd0", _compound_32),
    dict: (b"\xd1", _compound_32),
}
