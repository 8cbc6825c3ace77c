"""The members `id` of GeoJSON features, found without parsing them. Source: RFC 7946, section 3.2."""

from dataclasses import dataclass, field

import numpy as np

from services.vector.json_scan import JsonBlock

_KEY = np.frombuffer(b'"id"', dtype=np.uint8)
_WINDOW_BYTES = 40  # spaces, colon, a number and what follows; fewer than a block looks ahead
_MOST_DIGITS, _MOST = 19, 2**63 - 1
_BEFORE_COLON, _BEFORE_DIGITS, _IN_DIGITS, _BEHIND, _DONE, _OTHER = range(6)
_SPACE, _COLON, _DIGIT, _END, _ELSE = range(5)


def _transitions() -> np.ndarray:
    """The next state by state and kind of byte, of the form `: 123 ,`."""
    table = np.full((6, 5), _OTHER, dtype=np.int8)
    table[_BEFORE_COLON, [_SPACE, _COLON]] = _BEFORE_COLON, _BEFORE_DIGITS
    table[_BEFORE_DIGITS, [_SPACE, _DIGIT]] = _BEFORE_DIGITS, _IN_DIGITS
    table[_IN_DIGITS, [_SPACE, _DIGIT, _END]] = _BEHIND, _IN_DIGITS, _DONE
    table[_BEHIND, [_SPACE, _END]] = _BEHIND, _DONE
    table[_DONE] = _DONE
    return table


_NEXT = _transitions()
_KINDS = np.full(256, _ELSE, dtype=np.int8)
_KINDS[list(b" \t\r\n")], _KINDS[ord(":")] = _SPACE, _COLON
_KINDS[list(b"0123456789")], _KINDS[list(b",}")] = _DIGIT, _END


@dataclass(slots=True)
class FeatureIds:
    """Collects the ids of features. Whole numbers below 2**63 are ids, `others` are not; null is none at all.

    `first_is_number`: whether the first one is an id. GDAL does by it as if all were, and drops the others;
    when the first one is another, it makes all of them an attribute.
    """

    others: int = 0
    first_is_number: bool | None = None
    _numbers: list[np.ndarray] = field(default_factory=list)

    def add(self, block: JsonBlock, texts: np.ndarray) -> None:
        """Take the ids among the texts that begin at these positions, members of features."""
        content = np.frombuffer(block.content + b"\0" * (_WINDOW_BYTES + _KEY.size), dtype=np.uint8)
        windows = np.lib.stride_tricks.sliding_window_view(content, _KEY.size + _WINDOW_BYTES)
        chosen = texts
        for offset, letter in enumerate(_KEY):
            chosen = chosen[content[chosen + offset] == letter]
        if chosen.size:
            self._parse(windows[chosen][:, _KEY.size :])

    def are_usable(self, feature_count: int) -> bool:
        """Whether every feature has an id of its own."""
        if self.others or sum(map(len, self._numbers)) != feature_count:
            return False
        return bool(np.unique(np.concatenate(self._numbers)).size == feature_count)

    @property
    def count(self) -> int:
        """How many members have been seen, whatever they are."""
        return sum(map(len, self._numbers)) + self.others

    def _parse(self, windows: np.ndarray) -> None:
        state = np.zeros(len(windows), dtype=np.int8)
        value, digits = np.zeros(len(windows), dtype=np.int64), np.zeros(len(windows), dtype=np.int64)
        is_member, is_beyond = np.zeros(len(windows), dtype=bool), np.zeros(len(windows), dtype=bool)
        for column in windows.T:
            is_member &= (state != _BEFORE_DIGITS) | (column != ord("n"))  # null, or no JSON
            state = _NEXT[state, _KINDS[column]]
            is_member |= state == _BEFORE_DIGITS
            is_digit = (state == _IN_DIGITS) & (digits < _MOST_DIGITS + 1)
            digit = column[is_digit].astype(np.int64) - ord("0")
            is_beyond[is_digit] |= value[is_digit] > (_MOST - digit) // 10
            value[is_digit] = (value[is_digit] * 10 + digit) & _MOST
            digits += is_digit
        is_number = (state == _DONE) & (digits <= _MOST_DIGITS) & ~is_beyond
        self._numbers.append(value[is_number])
        self.others += int(np.count_nonzero(is_member & ~is_number))
        if self.first_is_number is None and is_member.any():
            self.first_is_number = bool(is_number[np.argmax(is_member)])
