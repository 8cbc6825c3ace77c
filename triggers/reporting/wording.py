"""What the words of the report mean to people."""

from collections.abc import Mapping
from types import MappingProxyType

from core.task_models.vector_export import ExportFormat

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "NULL_GEOMETRY": "No geometry",
        "EMPTY_GEOMETRY": "Empty geometry",
        "INVALID_GEOMETRY": "Invalid geometry",
        "BROKEN_GEOMETRY": "Geometry that cannot be read",
        "COORDINATES_OUT_OF_RANGE": "Coordinates that the CRS cannot have",
        "UNPLACEABLE": "No place in the target CRS",
        "DUPLICATE": "Copy of another feature",
        "VALUE_OUT_OF_RANGE": "Value that no column can hold",
    }
)

IDS: Mapping[str, str] = MappingProxyType(
    {
        "position": "the position in the layer, from 1",
        "format": "those of the file",
        "column": "a column of the source",
    }
)

STEPS: Mapping[str, str] = MappingProxyType(
    {
        "antimeridian": "Longitudes beyond 180°, and what crosses the antimeridian",
        "broken_geometry": "Broken geometries",
        "curves": "Curves",
        "dimensions": "Heights and measures",
        "duplicates": "Copies of a feature",
        "empty_geometry": "Empty geometries",
        "geometry_collection": "Geometry collections",
        "heights": "Heights that are missing",
        "invalid_geometry": "Invalid geometries",
        "invalid_values": "Values that no column can hold",
        "mixed_geometry": "Mixed geometry types",
        "null_geometry": "Features without a geometry",
        "orientation": "Direction of rings",
        "out_of_range": "Coordinates out of range",
        "single_to_multi": "Single geometries",
        "surfaces": "Surfaces of triangles and faces",
    }
)

_POLICIES: Mapping[str, str] = MappingProxyType(
    {
        "height_dropped": "heights dropped",
        "height_zero": "missing heights made 0",
        "linearised": "made straight",
        "measure_dropped": "measures dropped",
        "measure_lost": "measures lost in repair",
        "measure_nan": "missing measures made NaN",
        "null": "made null",
        "promoted": "made multi-geometries",
        "uncut": "could not be cut",
        "unplaceable": "rejected: no place in the target CRS",
        "wide_edges_kept": "edges of more than 180° kept",
        "zero": "made 0",
    }
)

_ENDPOINTS: Mapping[str, str] = MappingProxyType(
    {
        "map": "Map",
        "features": "Collection (OGC API Features)",
        "items": "Features as GeoJSON",
        "tilejson": "TileJSON",
        "download": "Download",
        "rejects": "Rejected features (GeoPackage)",
        "tile_cache": "Tiles (PMTiles)",
        "stac_item": "STAC item",
        "stac_collection": "STAC collection",
        "stac_items": "STAC items",
        "info": "Raster header",
        "preview": "Preview",
        "legend": "Legend",
        "mosaicjson": "MosaicJSON",
        "scheme": "Tiling scheme",
        "hillshade": "Hillshade",
        "slope": "Slope",
        "aspect": "Aspect",
        "contours": "Contours",
    }
)
_ABBREVIATIONS: Mapping[str, str] = MappingProxyType(
    {"crs": "CRS", "uri": "URI", "etag": "ETag", "stac": "STAC", "fid": "feature id", "id": "ID"}
)
_NOT_SHOWN = frozenset({"report"})


def step(word: str) -> str:
    """What a step of the cleaning or the reading looks at."""
    return STEPS.get(word, sentence(word))


def policy(word: str) -> str:
    """What a step did."""
    return _POLICIES.get(word, word.replace("_", " "))


def endpoint(name: str) -> str | None:
    """What an endpoint is called; None for one that is not shown."""
    if name in _NOT_SHOWN:
        return None
    if name.startswith("download_"):
        return f"Download as {export(name.removeprefix('download_'))}"
    return _ENDPOINTS.get(name, sentence(name))


def endpoint_order(name: str) -> tuple[int, str]:
    """Sorts endpoints: the map first, downloads of special formats behind the rest."""
    known = list(_ENDPOINTS)
    return known.index(name) if name in known else len(known), name


def export(word: str) -> str:
    """What a format of `f=` is called."""
    return ExportFormat(word).label if word in list(ExportFormat) else sentence(word)


def sentence(word: str) -> str:
    """`first_word` as `First word`; what is an abbreviation is written as one."""
    text = " ".join(_ABBREVIATIONS.get(part, part) for part in word.split("_"))
    return text[:1].upper() + text[1:]
