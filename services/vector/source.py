"""A source layer after admission: where it lies and what an independent count says of it."""

from dataclasses import dataclass
from pathlib import Path

from core.task_models.vector import VectorFormat

DRIVERS = {
    VectorFormat.GEOPACKAGE: "GPKG",
    VectorFormat.GEOJSON: "GeoJSON",
    VectorFormat.SHAPEFILE: "ESRI Shapefile",
}


@dataclass(frozen=True, slots=True)
class Census:
    """Features of a layer, counted from the file without GDAL.

    GDAL turns a damaged geometry into null or empty and goes on, often without a word. What it reads is
    therefore compared with this. `feature_count` is None where only a full parse could tell (GeoJSON).
    `null_geometry_limit` and `empty_geometry_limit` are upper bounds: more of them read is damage.
    """

    feature_count: int | None
    null_geometry_limit: int
    empty_geometry_limit: int


@dataclass(frozen=True, slots=True)
class SourceLayer:
    """One layer of an admitted file, in a private directory under a name of ours.

    `name` is what people call the layer; `ogr_name` is what GDAL is asked for (None: the only one).
    `declared_crs` is the CRS that the file names, where GDAL would put another in its place without a word.
    """

    format: VectorFormat
    path: Path
    name: str
    census: Census
    ogr_name: str | None = None
    declared_crs: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def driver(self) -> str:
        """The one GDAL driver that may open it."""
        return DRIVERS[self.format]
