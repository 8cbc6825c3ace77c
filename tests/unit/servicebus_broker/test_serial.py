"""Numbers that wrap around at 2**32."""

from hypothesis import given
from hypothesis import strategies as st

from tools.servicebus_broker import serial

NUMBERS = st.integers(0, 0xFFFFFFFF)


@given(NUMBERS, st.integers(-(1 << 31), (1 << 31) - 1))
def test_distance_undoes_add(number: int, amount: int) -> None:
    assert serial.distance(number, serial.add(number, amount)) == amount
