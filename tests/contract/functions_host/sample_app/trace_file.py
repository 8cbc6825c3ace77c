"""Where the functions of this app say what they saw."""

# mypy: ignore-errors

import json
import os
import time
from pathlib import Path


def write(what: str, **seen: object) -> None:
    """Append one line; a line is written whole."""
    line = {"what": what, "pid": os.getpid(), "time": time.time(), **seen}
    with Path(os.environ["TRACE_FILE"]).open("a") as file:
        file.write(json.dumps(line, default=str) + "\n")
