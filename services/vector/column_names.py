"""Names of columns: from what a source calls them to what SQL can be trusted with.

A name from outside is never used in SQL as it came. It is folded to `[a-z_][a-z0-9_]*` of at most 63
bytes, kept apart from words that SQL or PostgreSQL reserve, and made unique; the source's own name stays
beside it. (PostgreSQL cuts identifiers at 63 bytes without an error, which can make two names one.)

Letters of other scripts are not transliterated: one letter has as many spellings as there are languages that
use it. Such a column is called by its place, `column_7`, and shown by the name that its owner gave it.
"""

import re
import unicodedata
from collections.abc import Sequence

MAX_NAME_BYTES = 63
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

# Latin letters that Unicode does not take apart into a letter and a mark.
_LATIN = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


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
    compatible = unicodedata.normalize("NFKC", source_name).casefold().translate(_LATIN)
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
