"""A source layer after admission: where it lies and what an independent count says of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.task_models.finding import Finding
from core.task_models.vector import VectorFormat

# Who reads a format; of GDAL's drivers exactly this one may open the file.
GDAL_DRIVERS = {
    VectorFormat.GEOPACKAGE: "GPKG",
    VectorFormat.GEOJSON: "GeoJSON",
    VectorFormat.GEOJSONSEQ: "GeoJSONSeq",
    VectorFormat.SHAPEFILE: "ESRI Shapefile",
    VectorFormat.FLATGEOBUF: "FlatGeobuf",
    VectorFormat.KML: "LIBKML",
    VectorFormat.GML: "GML",
    VectorFormat.TOPOJSON: "GeoJSONSeq",
    VectorFormat.FILEGDB: "OpenFileGDB",
    VectorFormat.DXF: "DXF",
}
_WITHOUT_GDAL = "Arrow"


@dataclass(frozen=True, slots=True)
class Census:
    """Features of a layer, counted from the file without GDAL.

    GDAL turns a damaged geometry into null or empty and goes on, often without a word. What it reads is
    therefore compared with this, while it is read (see `reading.open_layer`). None: nothing is known, and
    nothing is compared. The limits are upper bounds: more of them read is damage. A count may be a
    function where it costs a pass of its own; it is called once, and only when there is something to explain.
    """

    feature_count: int | None
    null_geometry_limit: int | Callable[[], int] | None
    empty_geometry_limit: int | Callable[[], int] | None


@dataclass(frozen=True, slots=True)
class SourceLayer:
    """One layer of an admitted file, in a private directory under a name of ours.

    Attributes:
        name: what people call the layer.
        ogr_name: what GDAL is asked for; None: the only one.
        declared_crs: the CRS that the file names, where GDAL would put another in its place without a word.
        encoding: of the texts, as Python names it, where they are handed out as the bytes of the file.
        open_options: of GDAL's driver.
        has_ids: the format gives every feature a whole number of its own.
        has_fine_times: some times have more digits than GDAL reads; all are declared as such, and tried.
        as_written: options under which GDAL hands out times as they stand in the file, but other values
            wrong. Without them it hands out the same times, or the layer is refused.
        dialect: what the reader of this format has found out about it.
        findings: what is to be said of it before it is read.
    """

    format: VectorFormat
    path: Path
    name: str
    census: Census
    ogr_name: str | None = None
    declared_crs: str | None = None
    encoding: str | None = None
    open_options: tuple[tuple[str, str], ...] = ()
    has_ids: bool = False
    has_fine_times: bool = False
    as_written: tuple[tuple[str, str], ...] = ()
    dialect: object = None
    findings: tuple[Finding, ...] = ()

    @property
    def driver(self) -> str:
        """Who reads it."""
        return GDAL_DRIVERS.get(self.format, _WITHOUT_GDAL)
