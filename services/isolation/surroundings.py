"""What a child opens for itself: no connection survives a fork, so none is inherited."""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from core.ports import ArtefactLog, BlobStore
from core.vector_ports import VectorStore


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The stores of a `TaskContext`."""

    storage: BlobStore
    vectors: VectorStore
    artefacts: ArtefactLog


OpenSurroundings = Callable[[], AbstractContextManager[Surroundings]]
"""Makes the stores from the settings, in the child, and closes them when the handler has ended."""


def import_path(thing: Any) -> str:
    """`module:name`, by which another process finds a function or a class."""
    return f"{thing.__module__}:{thing.__qualname__}"


def imported(path: str) -> Any:
    """What `import_path` named."""
    module, _, name = path.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
