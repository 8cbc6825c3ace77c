"""File geodatabases (Esri) before GDAL: layers, and counts from the headers of their tables.

The folder lies unpacked under names of its format alone. Every table is a file `aXXXXXXXX.gdbtable`, whose
number stands in the catalogue. Source: the reverse-engineered specification of FGDB (Even Rouault).
"""

from pathlib import Path

from core.task_models.finding import Finding
from core.task_models.vector import VectorFormat, VectorReading
from services.vector import ogr
from services.vector.findings import info
from services.vector.layers import choose_layers
from services.vector.source import GDAL_DRIVERS, Census, SourceLayer

_CATALOGUE = "GDB_SystemCatalog"
_COUNT_BEGINS, _COUNT_ENDS = 4, 8  # in the header of a table


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:  # noqa: ARG001
    """The wanted feature classes of a geodatabase, or all.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH, GEOMETRY_UNREADABLE, LAYER_NOT_FOUND or LAYER_LIMIT.
    """
    listed = ogr.layer_names(path, driver=GDAL_DRIVERS[VectorFormat.FILEGDB])
    chosen = choose_layers([each for each, is_place in listed if is_place], reading.layers)
    skipped = () if reading.layers else _skipped([each for each, is_place in listed if not is_place])
    numbers = _table_numbers(path)
    return tuple(
        SourceLayer(
            format=VectorFormat.FILEGDB,
            path=path,
            name=each,
            ogr_name=each,
            census=_census(path, numbers.get(each)),
            has_ids=True,
            findings=() if position else skipped,
        )
        for position, each in enumerate(chosen)
    )


def _skipped(names: list[str]) -> tuple[Finding, ...]:
    if not names:
        return ()
    message = f"Tables without geometries are not taken: {len(names)}."
    return (info("LAYERS_SKIPPED", message, layers=names[:50]),)


def _table_numbers(path: Path) -> dict[str, int]:
    """The tables of the catalogue by their names."""
    catalogue = SourceLayer(
        format=VectorFormat.FILEGDB,
        path=path,
        name=_CATALOGUE,
        ogr_name=_CATALOGUE,
        census=Census(feature_count=None, null_geometry_limit=None, empty_geometry_limit=None),
        has_ids=True,
    )
    found: dict[str, int] = {}
    with ogr.read(catalogue) as stream:
        for batch in stream.batches:
            ids, names = batch.column(stream.fid_column).to_pylist(), batch.column("Name").to_pylist()
            found |= dict(zip(names, ids, strict=True))
    return found


def _census(path: Path, number: int | None) -> Census:
    """How many rows the header of a table counts. GDAL complains about what is cut off, or finds less."""
    count = None
    if number is not None:
        with (path / f"a{number:08x}.gdbtable").open("rb") as table:
            count = int.from_bytes(table.read(_COUNT_ENDS)[_COUNT_BEGINS:], "little")
    return Census(feature_count=count, null_geometry_limit=None, empty_geometry_limit=None)
