"""Large results: what would not fit comfortably into a row goes to the blob store, and a reference stays."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from core.models.task import ClaimedTask

REFERENCE = "$result_blob"


class ResultStore(Protocol):
    """Where large results lie."""

    def put(self, claimed: ClaimedTask, content: bytes) -> str:
        """Keep `content` for this attempt; its URI.

        Raises:
            TransientError: the store does not answer.
        """

    def get(self, uri: str) -> bytes:
        """The content of a result that was put there.

        Raises:
            TransientError: the store does not answer.
        """


class ResultSizer:
    """Decides by size where a result lies, and brings it back. `limit_bytes` is of its JSON in UTF-8."""

    def __init__(self, store: ResultStore, *, limit_bytes: int = 256 * 1024) -> None:
        self._store = store
        self._limit_bytes = limit_bytes

    def stored(self, claimed: ClaimedTask, result: Mapping[str, Any], text: str) -> Mapping[str, Any]:
        """What goes into the task's row for a result whose JSON is `text`."""
        size = len(text.encode())
        if size <= self._limit_bytes:
            return result
        return {REFERENCE: self._store.put(claimed, text.encode()), "size_bytes": size}

    def loaded(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The result that a row stands for."""
        if REFERENCE not in stored:
            return dict(stored)
        content = json.loads(self._store.get(stored[REFERENCE]))
        return dict(content)
