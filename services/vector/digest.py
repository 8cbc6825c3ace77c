"""Digests of rows: 64 bits each, summed up without regard to order.

The sum modulo 2^64 of the digests of a set of rows is the digest of the set: parts can be counted by several
workers in any order, and what was loaded and what was rejected add up to what was read. A lost, doubled or
changed row changes the sum. A digest guards against accidents, not against forgery: it is no cryptographic
hash. Among n rows two different ones share a digest with a probability of n^2 / 2^65: one in 90,000
for 20 million rows.

A string of bytes is read in words of eight; each is scrambled together with its position, so that swapped
words and flipped signs show. The constants are those of SplitMix64 (Steele, Lea, Flood: "Fast splittable
pseudorandom number generators", OOPSLA 2014).
"""

import functools

import numpy as np
import pyarrow as pa

_WORD_BYTES = 8
_LONG_BYTES = 4096  # rows from here on are taken one by one: they keep numpy busy by themselves
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_HALF = np.uint64(32)
_NULL = np.uint64(0x5EED_0000_0000_4E55)  # the word of a value that is not there
_MASK = (1 << 64) - 1


def row_digests(batch: pa.RecordBatch) -> np.ndarray:
    """A digest (uint64) for each row, of the values of all columns; names and types do not count."""
    totals = np.zeros(batch.num_rows, dtype=np.uint64)
    for number, column in enumerate(batch.columns):
        totals += _scrambled(_words_of(column), _keys(number + 1)[number])
    return _finished(totals)


def range_digests(content: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """A digest (uint64) for each of the ranges that lie one after the other in `content` (uint8).

    `offsets` (n + 1, int64) are the beginnings, and the last end.
    """
    lengths = np.diff(offsets)
    if not lengths.size:
        return np.zeros(0, dtype=np.uint64)
    padded = np.zeros(int(offsets[-1] - offsets[0]) + _WORD_BYTES, dtype=np.uint8)
    padded[:-_WORD_BYTES] = content[offsets[0] : offsets[-1]]
    starts = offsets[:-1] - offsets[0]
    if (lengths == lengths[0]).all() and lengths[0] < _LONG_BYTES:
        totals = _of_equal_ranges(padded, int(lengths[0]), lengths.size)
    else:
        totals = _of_ranges(padded, starts, lengths)
    return _finished(totals + lengths.astype(np.uint64) * _GAMMA)


def sum_of(digests: np.ndarray) -> int:
    """The sum modulo 2^64."""
    return int(digests.sum(dtype=np.uint64))


def total(*sums: int) -> str:
    """Sums put together, as 16 hexadecimal digits."""
    return f"{sum(sums) & _MASK:016x}"


def value_of(digest: str) -> int:
    """What `total` wrote."""
    return int(digest, 16)


# -- words ------------------------------------------------------------------------------------------


def _words_of(column: pa.Array) -> np.ndarray:
    """One word for each value: what it is, or a digest of it where it does not fit."""
    words = _present_words(column)
    if column.null_count:
        words = np.where(column.is_valid().to_numpy(zero_copy_only=False), words, _NULL)
    return words


def _present_words(column: pa.Array) -> np.ndarray:
    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        return _words_of(column.storage)
    if pa.types.is_boolean(kind):
        flags: np.ndarray = column.cast(pa.uint8()).fill_null(0).to_numpy()
        return flags.astype(np.uint64)
    if pa.types.is_primitive(kind) and not pa.types.is_decimal(kind):
        return _fixed_bytes(column, kind.bit_width // 8).view(f"<u{kind.bit_width // 8}").astype(np.uint64)
    if pa.types.is_decimal(kind) or pa.types.is_fixed_size_binary(kind):
        width = kind.byte_width
        return range_digests(_fixed_bytes(column, width), np.arange(len(column) + 1) * width)
    return range_digests(*_ranges(column))


def _fixed_bytes(column: pa.Array, width: int) -> np.ndarray:
    start = column.offset * width
    return np.frombuffer(column.buffers()[1], dtype=np.uint8)[start : start + len(column) * width]


def _ranges(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of a column of texts or binaries, and where each value begins."""
    kind = column.type
    is_large = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    _, places, content = column.buffers()
    offsets = np.frombuffer(places, dtype=np.int64 if is_large else np.int32)
    offsets = offsets[column.offset : column.offset + len(column) + 1].astype(np.int64)
    return np.frombuffer(content or b"", dtype=np.uint8), offsets


# -- the scrambling ---------------------------------------------------------------------------------


def _of_equal_ranges(padded: np.ndarray, length: int, count: int) -> np.ndarray:
    """Without looking anything up: word `n` of every range lies `length` bytes behind that of the last."""
    totals = np.zeros(count, dtype=np.uint64)
    keys = _keys(length // _WORD_BYTES + 1)
    for position in range(0, length, _WORD_BYTES):
        words = np.ndarray(
            (count,), dtype="<u8", buffer=padded.data, offset=position, strides=(length,)
        ).astype(np.uint64)
        rest = length - position
        if rest < _WORD_BYTES:
            words &= _low_bytes(np.array([rest]))
        totals += _scrambled(words, keys[position // _WORD_BYTES])
    return totals


def _of_ranges(padded: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    totals = np.zeros(lengths.size, dtype=np.uint64)
    for row in np.flatnonzero(lengths >= _LONG_BYTES):
        totals[row] = _of_long_range(padded, int(starts[row]), int(lengths[row]))
    short = np.flatnonzero(lengths < _LONG_BYTES)
    # From the longest to the shortest: those that have a word number n are then the first so many.
    order = short[np.argsort((_LONG_BYTES - lengths[short]).astype(np.uint16), kind="stable")]
    if order.size:
        totals[order] = _of_sorted_ranges(padded, starts[order], lengths[order])
    return totals


def _of_sorted_ranges(padded: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    totals = np.zeros(lengths.size, dtype=np.uint64)
    anywhere = np.ndarray((padded.size - _WORD_BYTES + 1,), dtype="<u8", buffer=padded.data, strides=(1,))
    longest = int(lengths[0])
    keys = _keys(longest // _WORD_BYTES + 1)
    for position in range(0, longest, _WORD_BYTES):
        reaching = int(np.searchsorted(-lengths, -position, side="left"))  # longer than `position`
        whole = int(np.searchsorted(-lengths, -(position + _WORD_BYTES), side="right"))
        words = anywhere[starts[:reaching] + position]
        if whole < reaching:
            words[whole:] &= _low_bytes(lengths[whole:reaching] - position)
        totals[:reaching] += _scrambled(words, keys[position // _WORD_BYTES])
    return totals


def _of_long_range(padded: np.ndarray, start: int, length: int) -> np.uint64:
    count = -(-length // _WORD_BYTES)
    words = np.zeros(count, dtype=np.uint64)
    words.view(np.uint8)[:length] = padded[start : start + length]
    return np.uint64(_scrambled(words, _keys(count)[:count]).sum(dtype=np.uint64))


def _scrambled(words: np.ndarray, keys: "np.ndarray | np.uint64") -> np.ndarray:
    mixed: np.ndarray = words ^ keys
    mixed *= _FIRST
    mixed ^= mixed >> _HALF
    mixed *= _SECOND
    return mixed


def _finished(totals: np.ndarray) -> np.ndarray:
    """The last step is not linear either: what two rows have in common must not cancel out in a sum."""
    totals ^= totals >> np.uint64(30)
    totals *= _FIRST
    totals ^= totals >> np.uint64(27)
    totals *= _SECOND
    totals ^= totals >> np.uint64(31)
    return totals


def _low_bytes(counts: np.ndarray) -> np.ndarray:
    """Masks that keep the first so many bytes (0 to 7) of a word."""
    bits: np.ndarray = counts.astype(np.uint64) * np.uint64(8)
    return (np.uint64(1) << bits) - np.uint64(1)


def _keys(count: int) -> np.ndarray:
    """At least `count` keys, one for each position; always the same."""
    return _computed_keys(1 << max(count - 1, 511).bit_length())


@functools.lru_cache(maxsize=8)
def _computed_keys(count: int) -> np.ndarray:
    keys = np.arange(1, count + 1, dtype=np.uint64) * _GAMMA
    return _finished(keys)
