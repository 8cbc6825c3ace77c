"""JSON from outside, looked through as a stream: how it is nested, and what stands at which depth.

No value is parsed: brackets, quotes and line ends are found for a block of bytes at once, so a gigabyte takes
some seconds and no more memory than a block. Source: RFC 8259.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.errors import PermanentTaskError

MAX_DEPTH = 200
LOOKAHEAD_BYTES = 64
_BLOCK_BYTES = 2 * 2**20
_QUOTE, _BACKSLASH, _NEWLINE = b'"\\\n'
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"{[")], _STEPS[list(b"}]")] = 1, -1
_MARKS = np.zeros(256, dtype=bool)
_MARKS[list(b'{}[]"\n')] = True
_WORDS = (b"crs", b"\\u")
_NOT_A_NUMBER = (b"nan", b"infinity")


@dataclass(frozen=True, slots=True)
class JsonBlock:
    """A part of the file, and the marks in it that stand outside of texts.

    Attributes:
        content: its bytes, and some more that belong to the next block.
        positions, marks: of brackets, opening quotes and line ends: where in `content`, and which they are.
        depths: how deep each stands; a bracket stands at the same depth as its other half, from 1.
        first_line: the number of the line in which the block begins, from 1.
        torn_line: a line that ends within a text, None without any.
    """

    content: bytes
    positions: np.ndarray
    marks: np.ndarray
    depths: np.ndarray
    first_line: int
    torn_line: int | None

    def places(self, mark: bytes, *, depth: int) -> np.ndarray:
        """Where in the content a mark stands at a depth."""
        chosen = (self.marks == mark[0]) & (self.depths == depth)
        found: np.ndarray = self.positions[chosen]
        return found


@dataclass(slots=True)
class JsonScan:
    """One walk through a file. What it has seen is complete when `blocks` has come to its end.

    `words` are those of crs and \\u that stand anywhere in it, in small letters; `not_a_number` is the offset
    of the first NaN or Infinity outside of texts, whatever the case; `depth` is how many brackets are open.
    """

    path: Path
    words: set[bytes] = field(default_factory=set)
    not_a_number: int | None = None
    depth: int = 0
    _lines: int = 0
    _in_text: bool = False
    _is_escaped: bool = False

    def blocks(self) -> Iterator[JsonBlock]:
        """The file, block by block.

        Raises:
            PermanentTaskError: ENCODING_ERROR: not UTF-8; GEOMETRY_UNREADABLE: nested too deep;
                CONTENT_MISMATCH: brackets that do not match.
        """
        decoder = codecs.getincrementaldecoder("utf-8")()
        ahead, start = b"", 0
        with self.path.open("rb") as file:
            while ahead or not start:
                new = file.read(_BLOCK_BYTES)
                _decode(decoder, new, at=start + len(ahead), final=not new)
                content = ahead + new
                size = max(len(content) - LOOKAHEAD_BYTES, 0) if new else len(content)
                small = content.lower()
                self.words |= {word for word in _WORDS if word not in self.words and word in small}
                yield self._block(content, size=size, start=start, small=small)
                ahead, start = content[size:], start + size
                if not new:
                    return

    def _block(self, content: bytes, *, size: int, start: int, small: bytes) -> JsonBlock:
        values = np.frombuffer(content, dtype=np.uint8)[:size]
        positions = self._unescaped(values, np.flatnonzero(_MARKS[values]))
        marks = values[positions]
        is_quote, is_end = marks == _QUOTE, marks == _NEWLINE
        # What stands behind an even number of quotes is outside of texts; an opening quote is, too.
        outside = (np.cumsum(is_quote) - is_quote + self._in_text) % 2 == 0
        if self.not_a_number is None:
            self._look_for_numbers(small, positions[is_quote], size=size, start=start)
        torn_line = self._torn_line(is_end, outside)
        first_line = self._lines + 1
        self._in_text ^= bool(np.count_nonzero(is_quote) % 2)
        self._lines += int(np.count_nonzero(is_end))
        positions, marks = positions[outside], marks[outside]
        return JsonBlock(
            content=content,
            positions=positions,
            marks=marks,
            depths=self._depths(marks, positions, start=start),
            first_line=first_line,
            torn_line=torn_line,
        )

    def _look_for_numbers(self, small: bytes, quotes: np.ndarray, *, size: int, start: int) -> None:
        """Note the first word, before `size`, that stands for a number that is none."""
        found = (re.finditer(word, small) for word in _NOT_A_NUMBER if word in small)
        places = np.array(sorted(match.start() for matches in found for match in matches), dtype=np.int64)
        places = places[places < size]
        outside = places[(np.searchsorted(quotes, places) + self._in_text) % 2 == 0]
        if outside.size:
            self.not_a_number = start + int(outside[0])

    def _depths(self, marks: np.ndarray, positions: np.ndarray, *, start: int) -> np.ndarray:
        steps = _STEPS[marks]
        after = np.cumsum(steps, dtype=np.int64) + self.depth
        depths: np.ndarray = after - np.minimum(steps, 0)
        if after.size:
            _check_depths(depths, after, offsets=positions + start)
            self.depth = int(after[-1])
        return depths

    def _torn_line(self, is_end: np.ndarray, outside: np.ndarray) -> int | None:
        torn = np.flatnonzero(is_end & ~outside)
        if not torn.size:
            return None
        return self._lines + int(np.count_nonzero(is_end[: torn[0] + 1]))

    def _unescaped(self, values: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Without the quotes that a backslash makes part of a text."""
        slashes = np.flatnonzero(values == _BACKSLASH)
        if not slashes.size and not self._is_escaped:
            return positions
        escaped = _behind_odd_runs(slashes, is_first_escaped=self._is_escaped)
        self._is_escaped = bool(escaped.size) and int(escaped[-1]) == values.size
        kept = ~np.isin(positions, escaped, assume_unique=True) | (values[positions] != _QUOTE)
        unescaped: np.ndarray = positions[kept]
        return unescaped


def _behind_odd_runs(slashes: np.ndarray, *, is_first_escaped: bool) -> np.ndarray:
    """The positions that stand directly behind an odd number of backslashes."""
    if is_first_escaped:
        slashes = np.concatenate([[-1], slashes])
    begins = np.flatnonzero(np.diff(slashes, prepend=-3) != 1)
    lengths = np.diff(np.append(begins, slashes.size))
    ends = slashes[begins] + lengths
    odd: np.ndarray = ends[lengths % 2 == 1]
    return odd


def _decode(decoder: codecs.IncrementalDecoder, content: bytes, *, at: int, final: bool) -> None:
    if content.isascii() and not final and decoder.getstate()[0] == b"":
        return
    try:
        decoder.decode(content, final)
    except UnicodeDecodeError as exc:
        raise PermanentTaskError(
            "The file is not valid UTF-8.",
            code="ENCODING_ERROR",
            remedy="Save the file as UTF-8, as RFC 8259 asks for JSON.",
            context={"byte_offset": at + exc.start},
        ) from exc


def _check_depths(depths: np.ndarray, after: np.ndarray, *, offsets: np.ndarray) -> None:
    if int(after.min()) < 0:
        raise PermanentTaskError(
            "The file closes more brackets than it opens.",
            code="CONTENT_MISMATCH",
            remedy="Export the file again.",
            context={"byte_offset": int(offsets[np.argmin(after)])},
        )
    if int(depths.max()) > MAX_DEPTH:
        raise PermanentTaskError(
            f"Values are nested deeper than {MAX_DEPTH}.",
            code="GEOMETRY_UNREADABLE",
            remedy="Take nested geometry collections apart, and save nested properties as text.",
            context={"byte_offset": int(offsets[np.argmax(depths > MAX_DEPTH)])},
        )
