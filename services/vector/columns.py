"""Columns: from what a source calls them to what SQL can be trusted with.

A name from outside is never used in SQL as it came. It is folded to `[a-z_][a-z0-9_]*` of at most 48
bytes, kept apart from words that SQL or PostgreSQL reserve, and made unique; the source's own name stays
beside it. (PostgreSQL cuts identifiers at 63 bytes without an error, which can make two names one.)
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import pyarrow as pa

from core.errors import PermanentTaskError
from core.task_models.vector import VectorColumn

MAX_COLUMNS = 1_000
MAX_NAME_BYTES = 48
FID, GEOMETRY = "fid", "geom"

# Reserved in PostgreSQL 15 to 17 (pg_get_keywords(), categories R and T), the system columns of every
# table, and the two columns of ours.
RESERVED = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
    except false fetch for foreign freeze from full grant group having ilike in initially inner intersect
    into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null
    offset on only or order outer overlaps placing primary references returning right select session_user
    similar some symmetric system_user table tablesample then to trailing true union unique user using
    variadic verbose when where window with
    cmax cmin ctid oid tableoid xmax xmin
    """.split()  # noqa: SIM905 (a list of words to be read)
) | {FID, GEOMETRY}

_SQL_TYPES: tuple[tuple[pa.DataType, str], ...] = (
    (pa.bool_(), "boolean"),
    (pa.int8(), "smallint"),
    (pa.uint8(), "smallint"),
    (pa.int16(), "smallint"),
    (pa.uint16(), "integer"),
    (pa.int32(), "integer"),
    (pa.uint32(), "bigint"),
    (pa.int64(), "bigint"),
    (pa.float32(), "real"),
    (pa.float64(), "double precision"),
    (pa.string(), "text"),
    (pa.large_string(), "text"),
    (pa.date32(), "date"),
    (pa.binary(), "bytea"),
    (pa.large_binary(), "bytea"),
)


def plan_columns(fields: "Iterable[pa.Field]") -> tuple[VectorColumn, ...]:
    """The columns of the table for the attributes of a layer, in their order.

    Raises:
        PermanentTaskError: COLUMN_LIMIT: too many, or of a type that no column can hold.
    """
    found = list(fields)
    if len(found) > MAX_COLUMNS:
        raise _limit(f"The layer has {len(found)} columns; {MAX_COLUMNS} are allowed.", column="")
    names = safe_names([field.name for field in found])
    return tuple(
        VectorColumn(name=name, sql_type=sql_type(field), source_name=field.name)
        for name, field in zip(names, found, strict=True)
    )


def sql_type(field: pa.Field) -> str:
    """The SQL type that holds every value of an Arrow field.

    Raises:
        PermanentTaskError: COLUMN_LIMIT: there is none.
    """
    kind = field.type
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz else "timestamp"
    if pa.types.is_time(kind):
        return "time"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or isinstance(kind, pa.JsonType):
        return "jsonb"
    for arrow_type, name in _SQL_TYPES:
        if kind.equals(arrow_type):
            return name
    raise _limit(f"The column {field.name!r} has the type {kind}, which is not supported.", column=field.name)


def safe_names(source_names: Sequence[str]) -> tuple[str, ...]:
    """One safe name for each source name, all different, in the same order."""
    taken: set[str] = set()
    names = []
    for number, source_name in enumerate(source_names, start=1):
        name = _unique(_folded(source_name) or f"column_{number}", taken)
        taken.add(name)
        names.append(name)
    return tuple(names)


def _folded(source_name: str) -> str:
    """Lower-case ASCII letters, digits and single underscores; accents are dropped, the rest is a gap."""
    compatible = unicodedata.normalize("NFKC", source_name).casefold()
    plain = "".join(c for c in unicodedata.normalize("NFKD", compatible) if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:MAX_NAME_BYTES]
    if name[:1].isdigit():
        name = f"c_{name}"[:MAX_NAME_BYTES]
    return name


def _unique(name: str, taken: set[str]) -> str:
    if name in RESERVED:
        name = f"{name}_"
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        suffix = f"_{number}"
        candidate = name[: MAX_NAME_BYTES - len(suffix)] + suffix
    return candidate


def _limit(message: str, *, column: str) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="COLUMN_LIMIT",
        remedy="Remove or convert columns before submitting.",
        context={"column": column, "limit": MAX_COLUMNS},
    )
