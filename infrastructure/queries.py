"""Named SQL statements from `sql/queries/*.sql`.

A line `-- name: something` begins a statement; comments and the statement follow. Python holds no SQL text.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString, cast

SQL_ROOT = Path(__file__).resolve().parent.parent / "sql"
_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@lru_cache
def load(topic: str) -> Mapping[str, LiteralString]:
    """The statements of `sql/queries/<topic>.sql` by name.

    Raises:
        FileNotFoundError: there is no such topic.
        ValueError: a name stands twice, or text stands before the first name.
    """
    text = (SQL_ROOT / "queries" / f"{topic}.sql").read_text(encoding="utf-8")
    preamble, *parts = _NAME.split(text)
    if re.search(r"^(?!--)\S", preamble, re.MULTILINE):
        raise ValueError(f"{topic}.sql: a statement stands before the first name")
    names, statements = parts[::2], parts[1::2]
    if len(set(names)) < len(names):
        raise ValueError(f"{topic}.sql: a name stands twice")
    # The files are part of the program text, as trusted as a literal in it.
    texts = (cast("LiteralString", statement.strip()) for statement in statements)
    return MappingProxyType(dict(zip(names, texts, strict=True)))
