"""Serial numbers of 32 bits that wrap around (RFC 1982), as AMQP counts deliveries and transfers."""

_MASK = 0xFFFFFFFF
_HALF = 1 << 31


def add(number: int, amount: int) -> int:
    """Return ``number`` moved by ``amount``, which may be negative."""
    return (number + amount) & _MASK


def distance(first: int, last: int) -> int:
    """Return how far ``last`` is ahead of ``first``; negative when it is behind."""
    difference = (last - first) & _MASK
    return difference - (1 << 32) if difference >= _HALF else difference
