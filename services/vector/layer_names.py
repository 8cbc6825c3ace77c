"""Names of a GeoPackage's layers."""

import re
from collections.abc import Iterable

from services.vector.distinct_names import distinct

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")
# Beginnings of names of a GeoPackage's own tables. GDAL writes none that begins with the bare `gpkg`.
_RESERVED = ("gpkg", "rtree_", "sqlite_")
_MOST_LETTERS = 100


def layer_names(wanted: Iterable[str]) -> tuple[str, ...]:
    """Names that a GeoPackage can give its tables, all different, whatever the case of their letters."""
    names: list[str] = []
    for name in wanted:
        name = _UNPRINTABLE.sub(" ", name).strip()[:_MOST_LETTERS] or "layer"
        names.append(f"layer {name}" if name.lower().startswith(_RESERVED) else name)
    folded = distinct(tuple(name.casefold() for name in names))
    return tuple(
        name if name.casefold() == other else other for name, other in zip(names, folded, strict=True)
    )
