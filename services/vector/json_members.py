"""The members of GeoJSON features beside geometry and properties: what becomes of ids and of the others.

Source: RFC 7946, sections 3.2 and 6.1.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from core.task_models.finding import Finding
from services.vector.findings import warning
from services.vector.json_ids import FeatureIds
from services.vector.json_scan import JsonBlock

_HEAD_BYTES = 4
_KNOWN = np.frombuffer(b'"typ"Fea"pro"geo"id""bbo"crs', dtype="<u4")  # how known members and values begin
_ID = np.frombuffer(b'"id"', dtype="<u4")
_MEMBER = re.compile(rb'"((?:[^"\\]|\\.){1,255})"[ \t\r\n]*:')
_LOOKED_AT = 100  # texts of a block
_LISTED = 20


@dataclass(slots=True)
class FeatureMembers:
    """Collects what the features of a file have beside geometry and properties."""

    _ids: FeatureIds = field(default_factory=FeatureIds)
    _foreign: set[str] = field(default_factory=set)
    _has_id_property: bool = False

    def add(self, block: JsonBlock, *, texts: np.ndarray, inner: np.ndarray) -> None:
        """Take the texts that begin at these positions: in features, and in the objects directly within."""
        content = np.frombuffer(block.content + b"\0" * _HEAD_BYTES, dtype=np.uint8)
        heads = np.lib.stride_tricks.sliding_window_view(content, _HEAD_BYTES)
        self._ids.add(block, texts)
        odd = texts[~np.isin(_words(heads, texts), _KNOWN)]
        for place in odd[:_LOOKED_AT]:
            if found := _MEMBER.match(block.content, int(place)):
                self._foreign.add(found[1].decode("utf-8", "replace"))
        if self._ids.others and not self._has_id_property:
            self._has_id_property = bool((_words(heads, inner) == _ID).any())

    def has_ids(self, feature_count: int) -> bool:
        """Whether every feature has a whole number of its own as its id."""
        return self._ids.are_usable(feature_count)

    def findings(self, feature_count: int) -> Iterator[Finding]:
        """What GDAL leaves out. Ids are no loss when the first is a text: they become the attribute `id`."""
        ids = self._ids
        if ids.count and not ids.others and not ids.are_usable(feature_count):
            yield warning(
                "IDS_NOT_UNIQUE",
                "The features have ids, but not each one of its own; they were numbered anew.",
                remedy="Give every feature an id of its own, or save the ids as a property.",
                features=feature_count,
                ids=ids.count,
            )
        if ids.others and ids.first_is_number:
            yield warning(
                "IDS_IGNORED",
                "The ids of some features are whole numbers, those of others are not; they were left out.",
                remedy="Give every feature an id of the same kind, or save the ids as a property.",
                features=feature_count,
                others=ids.others,
            )
        elif ids.others and self._has_id_property:
            yield warning(
                "IDS_IGNORED",
                "The features have ids that are no whole numbers, and properties named id; these were kept.",
                remedy="Save the ids as a property of another name.",
            )
        if self._foreign:
            yield warning(
                "FOREIGN_MEMBERS_IGNORED",
                "Members of features beside geometry and properties are no attributes; they were left out.",
                remedy="Move them into the properties.",
                members=sorted(self._foreign)[:_LISTED],
            )


def _words(heads: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The four bytes at each place, as one number."""
    found: np.ndarray = heads[places].view("<u4").ravel()
    return found
