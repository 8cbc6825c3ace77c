"""FlatGeobuf: one layer, sorted along a Hilbert curve into its spatial index."""

from pathlib import Path

from services.vector.export.column_values import Abilities
from services.vector.export.gdal_columns import GdalColumns
from services.vector.export.gdal_file import GdalLayer, write_layer
from services.vector.export.source import TableSource

_ABILITIES = Abilities(
    format="FlatGeobuf", texts=frozenset({"time", "jsonb"}), days_as_times=True, zones="utc"
)


def write_flatgeobuf(source: TableSource, target: Path) -> None:
    """Ids are the column `fid`. The index has no room for features without a place: with any, there is
    none."""
    has_gaps = source.has_gaps()
    if has_gaps:
        source.notes.say("EMPTY_AS_NULL", "FlatGeobuf readers take empty geometries for missing ones.")
        source.notes.say(
            "NO_SPATIAL_INDEX", "FlatGeobuf indexes no features without a place; it has no index."
        )
    if source.geometry_type == "Geometry" and source.dimensions:
        source.notes.say(
            "DIMENSIONS_DROPPED", "FlatGeobuf of mixed geometries has no heights (Z) or measures (M)."
        )
    columns = GdalColumns.of(source, _ABILITIES)
    layer = GdalLayer(
        driver="FlatGeobuf",
        name=source.name,
        geometry_type=source.table.geometry_type,
        crs=source.crs,
        layer_options={
            "SPATIAL_INDEX": "NO" if has_gaps else "YES",
            "TEMPORARY_DIR": str(target.parent),
            "TITLE": source.table.title,
        },
    )
    write_layer(
        layer,
        schema=columns.schema,
        batches=columns.batches(source.batches()),
        target=target,
        notes=source.notes,
    )
