"""AMQP values survive encoding and decoding with their types; nothing else than AMQP is read."""

import struct
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tools.servicebus_broker.amqp.decode import MAX_DEPTH, MAX_EMPTY_ELEMENTS, decode, skip
from tools.servicebus_broker.amqp.encode import encode
from tools.servicebus_broker.amqp.errors import EncodeError, MalformedFrame
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


def integers(kind: type, bits: int, *, signed: bool) -> st.SearchStrategy[Any]:
    low = -(1 << bits - 1) if signed else 0
    return st.integers(low, low + (1 << bits) - 1).map(kind)


INTEGERS = [
    *(
        integers(kind, bits, signed=False)
        for kind, bits in ((UByte, 8), (UShort, 16), (UInt, 32), (ULong, 64))
    ),
    *(integers(kind, bits, signed=True) for kind, bits in ((Byte, 8), (Short, 16), (Int, 32), (Long, 64))),
    integers(Timestamp, 64, signed=True),
]
TEXTS = [
    st.text(),
    st.text(min_size=256, max_size=300),
    st.text(st.characters(max_codepoint=127)).map(Symbol),
]
ARRAY_ELEMENTS = [
    *INTEGERS,
    *TEXTS,
    st.booleans(),
    st.uuids(),
    st.binary(),
    st.floats(allow_nan=False),
    st.lists(st.integers(0, 9).map(UInt), max_size=3),
]
SCALARS = st.one_of(
    st.none(),
    *ARRAY_ELEMENTS[:-1],
    st.floats(allow_nan=False, width=32).map(Float),
    st.integers(0, 0x10FFFF).map(Char),
    st.sampled_from([4, 8, 16]).flatmap(lambda size: st.binary(min_size=size, max_size=size)).map(Decimal),
    st.one_of([st.lists(element, max_size=4).map(Array) for element in ARRAY_ELEMENTS]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.text(max_size=5), inner, max_size=5),
        st.builds(Described, st.integers(0, 200).map(ULong), inner),
    ),
    max_leaves=20,
)


def with_types(value: Any) -> Any:
    """Return the value in a form whose equality includes all AMQP types."""
    if isinstance(value, Described):
        return "described", with_types(value.descriptor), with_types(value.value)
    if isinstance(value, list):
        return type(value), [with_types(item) for item in value]
    if isinstance(value, dict):
        return dict, [(with_types(key), with_types(item)) for key, item in value.items()]
    return type(value), value


@given(VALUES)
def test_round_trip(value: Any) -> None:
    encoded = encode(value)
    decoded, end = decode(encoded)
    assert with_types(decoded) == with_types(value)
    assert end == len(encoded) == skip(encoded, 0)


@given(VALUES, st.data())
def test_a_cut_value_is_malformed(value: Any, data: st.DataObject) -> None:
    encoded = encode(value)
    cut = encoded[: data.draw(st.integers(0, len(encoded) - 1))]
    with pytest.raises(MalformedFrame):
        decode(cut)
    with pytest.raises(MalformedFrame):
        skip(cut, 0)


@given(st.binary(max_size=200))
@example(b"\xe0\x02\x01\x00")
@example(b"\xc1\x03\x02\x45\x40")
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    for read in (decode, lambda raw: (None, skip(raw, 0))):
        try:
            _, end = read(data)
        except MalformedFrame:
            continue
        assert 0 < end <= len(data)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("40", None),
        ("41", True),
        ("5601", True),
        ("5600", False),
        ("43", UInt(0)),
        ("5207", UInt(7)),
        ("7000000007", UInt(7)),
        ("44", ULong(0)),
        ("800000000000000007", ULong(7)),
        ("54ff", Int(-1)),
        ("55fe", Long(-2)),
        ("b100000001 61", "a"),
        ("b300000001 61", Symbol("a")),
        ("b000000001 ff", b"\xff"),
        ("98 00112233445566778899aabbccddeeff", UUID("00112233-4455-6677-8899-aabbccddeeff")),
        ("45", []),
        ("d0 00000005 00000001 40", [None]),
        ("d1 00000006 00000002 41 42", {True: False}),
        ("f0 00000007 00000002 50 01 02", Array([UByte(1), UByte(2)])),
        (
            "e0 06 02 00 53 05 50 01 02".replace(" 06 ", " 07 "),
            Array([Described(ULong(5), UByte(n)) for n in (1, 2)]),
        ),
    ],
)
def test_forms_that_we_do_not_write_ourselves(raw: str, value: Any) -> None:
    """The encodings of amqp-core section 1.6 that a peer may choose instead of ours."""
    decoded, _ = decode(bytes.fromhex(raw))
    assert with_types(decoded) == with_types(value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x01", id="no such constructor"),
        pytest.param(b"\x56\x02", id="a boolean of 2"),
        pytest.param(b"\xa1\x01\xff", id="text that is not UTF-8"),
        pytest.param(b"\xa3\x01\xff", id="a symbol that is not ASCII"),
        pytest.param(b"\xd0\x7f\xff\xff\xff\x7f\xff\xff\xff", id="a list of two thousand million"),
        pytest.param(b"\xc0\x02\x05\x40", id="more elements than bytes"),
        pytest.param(b"\xc0\x04\x01\x40\x40\x40", id="fewer elements than bytes"),
        pytest.param(b"\xc1\x02\x01\x40", id="a map of one"),
        pytest.param(b"\xc1\x03\x02\x45\x40", id="a map with a list for a key"),
        pytest.param(b"\xe0\x03\x02\x50\x01", id="an array that lacks an element"),
    ],
)
def test_malformed_values(data: bytes) -> None:
    with pytest.raises(MalformedFrame):
        decode(data)


def test_an_array_of_nothing_is_bounded() -> None:
    with pytest.raises(MalformedFrame):
        decode(b"\xf0" + struct.pack(">II", 5, MAX_EMPTY_ELEMENTS + 1) + b"\x40")


def nested_list(depth: int) -> bytes:
    encoded = b"\x45"
    for _ in range(depth):
        encoded = b"\xd0" + struct.pack(">II", len(encoded) + 4, 1) + encoded
    return encoded


@pytest.mark.parametrize("build", [nested_list, lambda depth: b"\x00" * depth + b"\x40" * (depth + 1)])
def test_nesting_is_bounded(build: Any) -> None:
    decode(build(MAX_DEPTH // 2))
    with pytest.raises(MalformedFrame, match="nested too deep"):
        decode(build(MAX_DEPTH + 1))
    with pytest.raises(MalformedFrame):
        decode(build(20_000))


def test_skipping_descriptors_is_bounded() -> None:
    with pytest.raises(MalformedFrame, match="nested too deep"):
        skip(b"\x00" * 20_000, 0)


@pytest.mark.parametrize("value", [7, object(), Array([UInt(1), "mixed"]), {"key": 7}])
def test_what_has_no_type_is_not_encoded(value: Any) -> None:
    with pytest.raises(EncodeError):
        encode(value)
