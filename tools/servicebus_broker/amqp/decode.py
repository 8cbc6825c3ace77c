"""Decoding of AMQP 1.0 values (amqp-core v1.0, sections 1.2 to 1.6).

Every function takes a whole buffer and a position and returns the value and the position behind it. Nothing
is allocated from a length or count that the peer states before it is known to fit the bytes that are there.
"""

import struct
from collections.abc import Callable
from struct import Struct
from typing import Any
from uuid import UUID

from tools.servicebus_broker.amqp.errors import MalformedFrame
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

MAX_DEPTH = 32
"""Deepest nesting of lists, maps, arrays and descriptors that is read."""

MAX_EMPTY_ELEMENTS = 4096
"""Most elements of an array whose elements occupy no bytes (their count is bounded by nothing else)."""

Decoder = Callable[[bytes, int, int], tuple[Any, int]]

_U16 = Struct(">H").unpack_from
_U32 = Struct(">I").unpack_from
_U32_PAIR = Struct(">II").unpack_from


def decode(data: bytes, position: int = 0) -> tuple[Any, int]:
    """Return the value at ``position`` and the position behind it.

    Raises MalformedFrame for anything that is not one complete AMQP value.
    """
    try:
        return decode_nested(data, position, MAX_DEPTH)
    except MalformedFrame:
        raise
    except (IndexError, struct.error, ValueError, TypeError, OverflowError) as exc:
        raise MalformedFrame(f"cannot read the value at byte {position}: {exc}") from exc


def decode_nested(data: bytes, position: int, depth: int) -> tuple[Any, int]:
    """Like decode, inside another value; ``depth`` more levels are allowed."""
    return _DECODERS[data[position]](data, position + 1, depth)


def skip(data: bytes, position: int) -> int:
    """Return the position behind the value at ``position`` without reading it.

    Raises MalformedFrame when the value does not end inside ``data``.
    """
    try:
        end = _skip(data, position, MAX_DEPTH)
    except (IndexError, struct.error) as exc:
        raise MalformedFrame(f"truncated value at byte {position}") from exc
    if end > len(data):
        raise MalformedFrame(f"the value at byte {position} is longer than its frame")
    return end


def compound_span(data: bytes, position: int) -> tuple[int, int, int]:
    """Return (count, start, end) of the elements of the list or map at ``position``."""
    end = skip(data, position)
    code = data[position]
    if code in (0xC0, 0xC1):
        return data[position + 2], position + 3, end
    if code in (0xD0, 0xD1):
        return _U32(data, position + 5)[0], position + 9, end
    if code == 0x45:
        return 0, end, end
    raise MalformedFrame(f"a list or map was expected, not constructor 0x{code:02x}")


def _skip(data: bytes, position: int, depth: int) -> int:
    code = data[position]
    if code == 0:
        if depth == 0:
            raise MalformedFrame("descriptors are nested too deep")
        return _skip(data, _skip(data, position + 1, depth - 1), depth - 1)
    category = code >> 4
    if category in _FIXED_WIDTHS:
        return position + 1 + _FIXED_WIDTHS[category]
    if category in (0xA, 0xC, 0xE):
        return position + 2 + data[position + 1]
    if category in (0xB, 0xD, 0xF):
        return position + 5 + int(_U32(data, position + 1)[0])
    raise MalformedFrame(f"unknown constructor 0x{code:02x}")


_FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}


def _unknown(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
    raise MalformedFrame(f"unknown constructor 0x{data[position - 1]:02x}")


def _constant(value: Any) -> Decoder:
    return lambda _data, position, _depth: (value, position)


def _number(layout: str, kind: Callable[[Any], Any]) -> Decoder:
    unpack, width = Struct(layout).unpack_from, Struct(layout).size

    def read(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
        return kind(unpack(data, position)[0]), position + width

    return read


def _small(kind: Callable[[int], Any]) -> Decoder:
    def read(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
        return kind(data[position]), position + 1

    return read


def _boolean(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
    if data[position] > 1:
        raise MalformedFrame("a boolean is 0 or 1")
    return data[position] == 1, position + 1


def _empty_list(_data: bytes, position: int, _depth: int) -> tuple[Any, int]:
    return [], position


def _fixed(width: int, kind: Callable[[bytes], Any]) -> Decoder:
    def read(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
        return kind(_slice(data, position, position + width)), position + width

    return read


def _short(kind: Callable[[bytes], Any]) -> Decoder:
    def read(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
        start = position + 1
        end = start + data[position]
        return kind(_slice(data, start, end)), end

    return read


def _long(kind: Callable[[bytes], Any]) -> Decoder:
    def read(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
        start = position + 4
        end = start + int(_U32(data, position)[0])
        return kind(_slice(data, start, end)), end

    return read


def _slice(data: bytes, start: int, end: int) -> bytes:
    if end > len(data):
        raise MalformedFrame("a value is longer than its frame")
    return data[start:end]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8")


def _symbol(raw: bytes) -> Symbol:
    return Symbol(raw, "ascii")


def _uuid(raw: bytes) -> UUID:
    return UUID(bytes=raw)


def _described(data: bytes, position: int, depth: int) -> tuple[Any, int]:
    if depth == 0:
        raise MalformedFrame("values are nested too deep")
    descriptor, position = decode_nested(data, position, depth - 1)
    value, position = decode_nested(data, position, depth - 1)
    return Described(descriptor, value), position


def _header8(data: bytes, position: int) -> tuple[int, int, int]:
    return data[position + 1], position + 2, position + 1 + data[position]


def _header32(data: bytes, position: int) -> tuple[int, int, int]:
    size, count = _U32_PAIR(data, position)
    return count, position + 8, position + 4 + size


Header = Callable[[bytes, int], tuple[int, int, int]]


def _list(header: Header) -> Decoder:
    def read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
        count, position, end = header(data, position)
        _check_compound(data, count, end - position, end, depth)
        values = []
        for _ in range(count):
            value, position = _DECODERS[data[position]](data, position + 1, depth - 1)
            values.append(value)
        _check_end(position, end)
        return values, end

    return read


def _map(header: Header) -> Decoder:
    read_list = _list(header)

    def read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
        values, position = read_list(data, position, depth)
        if len(values) % 2:
            raise MalformedFrame("a map holds an odd number of values")
        return dict(zip(values[::2], values[1::2], strict=True)), position

    return read


def _array(header: Header) -> Decoder:
    def read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
        count, position, end = header(data, position)
        if depth == 0 or end > len(data):
            raise MalformedFrame("an array is nested too deep or longer than its frame")
        descriptor, code, position = _array_constructor(data, position, depth)
        limit = MAX_EMPTY_ELEMENTS if code >> 4 == 4 else end - position
        if count > limit:
            raise MalformedFrame("an array states more elements than it can hold")
        values = Array()
        for _ in range(count):
            value, position = _DECODERS[code](data, position, depth - 1)
            values.append(value if descriptor is None else Described(descriptor[0], value))
        _check_end(position, end)
        return values, end

    return read


def _array_constructor(data: bytes, position: int, depth: int) -> tuple[tuple[Any] | None, int, int]:
    if data[position] != 0:
        return None, data[position], position + 1
    descriptor, position = decode_nested(data, position + 1, depth - 1)
    if data[position] == 0:
        raise MalformedFrame("nested descriptors of an array are not supported")
    return (descriptor,), data[position], position + 1


def _check_compound(data: bytes, count: int, room: int, end: int, depth: int) -> None:
    if depth == 0:
        raise MalformedFrame("values are nested too deep")
    if end > len(data):
        raise MalformedFrame("a list or map is longer than its frame")
    if count > room:
        raise MalformedFrame("a list or map states more elements than it can hold")


def _check_end(position: int, end: int) -> None:
    if position != end:
        raise MalformedFrame("the elements of a value do not fill its stated size")


_BY_CONSTRUCTOR: dict[int, Decoder] = {
    0x00: _described,
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(UInt(0)),
    0x44: _constant(ULong(0)),
    0x45: _empty_list,
    0x50: _small(UByte),
    0x51: _number(">b", Byte),
    0x52: _small(UInt),
    0x53: _small(ULong),
    0x54: _number(">b", Int),
    0x55: _number(">b", Long),
    0x56: _boolean,
    0x60: _number(">H", UShort),
    0x61: _number(">h", Short),
    0x70: _number(">I", UInt),
    0x71: _number(">i", Int),
    0x72: _number(">f", Float),
    0x73: _number(">I", Char),
    0x74: _fixed(4, Decimal),
    0x80: _number(">Q", ULong),
    0x81: _number(">q", Long),
    0x82: _number(">d", float),
    0x83: _number(">q", Timestamp),
    0x84: _fixed(8, Decimal),
    0x94: _fixed(16, Decimal),
    0x98: _fixed(16, _uuid),
    0xA0: _short(bytes),
    0xA1: _short(_text),
    0xA3: _short(_symbol),
    0xB0: _long(bytes),
    0xB1: _long(_text),
    0xB3: _long(_symbol),
    0xC0: _list(_header8),
    0xC1: _map(_header8),
    0xD0: _list(_header32),
    0xD1: _map(_header32),
    0xE0: _array(_header8),
    0xF0: _array(_header32),
}

_DECODERS: list[Decoder] = [_BY_CONSTRUCTOR.get(code, _unknown) for code in range(256)]
