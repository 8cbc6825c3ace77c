"""Surroundings for the raster handlers: the directory that the environment names is the storage."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.isolation.surroundings import Surroundings
from tests.blobs import DirectoryBlobStore, RecordedArtefacts

VARIABLE = "BLOBS_OF_ISOLATED_TESTS"


@contextmanager
def open_surroundings() -> Iterator[Surroundings]:
    storage = DirectoryBlobStore(Path(os.environ[VARIABLE]))
    no_tables: Any = None
    yield Surroundings(storage=storage, vectors=no_tables, artefacts=RecordedArtefacts(storage))
