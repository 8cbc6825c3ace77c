"""AMQP 1.0 primitive types that Python's own types do not tell apart (amqp-core v1.0, section 1.6).

A decoded value keeps its AMQP type, so that a correlation id goes back exactly as the message id came.
null, boolean, double, binary, string, uuid, list and map are None, bool, float, bytes, str, UUID, list, dict.
"""

from dataclasses import dataclass
from typing import Any


class UByte(int):
    """Unsigned, 8 bits."""

    __slots__ = ()


class UShort(int):
    """Unsigned, 16 bits."""

    __slots__ = ()


class UInt(int):
    """Unsigned, 32 bits."""

    __slots__ = ()


class ULong(int):
    """Unsigned, 64 bits."""

    __slots__ = ()


class Byte(int):
    """Signed, 8 bits."""

    __slots__ = ()


class Short(int):
    """Signed, 16 bits."""

    __slots__ = ()


class Int(int):
    """Signed, 32 bits."""

    __slots__ = ()


class Long(int):
    """Signed, 64 bits."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since the Unix epoch, signed, 64 bits."""

    __slots__ = ()


class Char(int):
    """One Unicode code point."""

    __slots__ = ()


class Float(float):
    """IEEE 754 binary32; a plain Python float is binary64."""

    __slots__ = ()


class Symbol(str):
    """ASCII name from a constrained domain; equal to the string of the same text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Decimal:
    """An IEEE 754 decimal carried without interpretation: 4, 8 or 16 bytes."""

    raw: bytes


class Array(list[Any]):
    """Values of one AMQP type; the type is that of the elements (an empty array is one of nulls)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Described:
    """A value annotated with a descriptor (section 1.2)."""

    descriptor: Any
    value: Any
