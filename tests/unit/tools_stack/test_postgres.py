"""The look for a server that still works in a data directory."""

import gc
from pathlib import Path

from tools.stack.postgres import works_in


def test_somebody_who_works_there_is_found(tmp_path: Path) -> None:
    assert works_in(Path.cwd())
    assert not works_in(tmp_path)
    gc.collect()  # what was left open would be told of now, and fail the test
