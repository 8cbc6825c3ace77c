"""GeoPackage (OGC 12-128r19): all tables as layers of one file, with spatial indexes and the tables' ids."""

from collections.abc import Sequence
from pathlib import Path

from services.vector.export.column_values import Abilities
from services.vector.export.gdal_columns import GdalColumns
from services.vector.export.gdal_file import GdalLayer, write_layer
from services.vector.export.source import TableSource

_ABILITIES = Abilities(
    format="GeoPackage", texts=frozenset({"time"}), zones="utc", has_json=True, has_not_a_number=False
)
# GDAL would write the time of writing; the same table is to give the same bytes.
_WRITTEN_AT = {"OGR_CURRENT_DATE": "1970-01-01T00:00:00.000Z"}


def write_geopackage(sources: Sequence[TableSource], target: Path) -> None:
    """One layer for each table; `fid` is the key of the layer's table."""
    import pyogrio

    pyogrio.set_gdal_config_options(_WRITTEN_AT)
    for number, source in enumerate(sources):
        columns = GdalColumns.of(source, _ABILITIES)
        layer = GdalLayer(
            driver="GPKG",
            name=source.name,
            geometry_type=source.table.geometry_type,
            crs=source.crs,
            layer_options={"FID": "fid", "GEOMETRY_NAME": "geom", "SPATIAL_INDEX": "YES"},
        )
        write_layer(
            layer,
            schema=columns.schema,
            batches=columns.batches(source.batches()),
            target=target,
            notes=source.notes,
            append=number > 0,
        )
