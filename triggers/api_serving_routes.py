"""What is served from published data, as data: features, tiles, rasters, STAC.

The operations are those of tipg, titiler and stac-fastapi; a test holds the table against their routes.
"""

from triggers.api_operations import (
    GEOJSON,
    MVT,
    PICTURE,
    SCHEMA,
    Answer,
    Operation,
    Parameter,
    Tag,
    get,
    whole,
)

_BBOX = Parameter("bbox", "west,south,east,north in degrees.")
_FEATURE_LIMIT = Parameter("limit", "The most features to answer.", whole(1, 10_000, 10))
_DATASET = Parameter("dataset", "The collection id of a published raster.")
_BIDX = Parameter(
    "bidx", "The bands to use, counted from 1.", {"type": "array", "items": {"type": "integer"}}
)
_RESCALE = Parameter("rescale", "min,max of the values to stretch over the colours.")
_COLORMAP = Parameter("colormap_name", "A colour map for a single band.")
_PICTURE = (_DATASET, _BIDX, _RESCALE, _COLORMAP)

_COLLECTION = "/api/ogc/features/collections/{collectionId}"
FEATURES = (
    get("/api/ogc/features/", "Landing page (OGC API - Common)", Tag.FEATURES, "Links."),
    get("/api/ogc/features/conformance", "The conformance classes", Tag.FEATURES, "URIs."),
    get(
        "/api/ogc/features/collections",
        "The published vector datasets",
        Tag.FEATURES,
        "Collections.",
        parameters=(_BBOX,),
        errors=(400, 503),
    ),
    get(_COLLECTION, "One dataset", Tag.FEATURES, "The collection.", errors=(404, 503)),
    get(
        f"{_COLLECTION}/queryables",
        "What can be asked for",
        Tag.FEATURES,
        "JSON Schema.",
        media_type=SCHEMA,
        errors=(404, 503),
    ),
    get(
        f"{_COLLECTION}/items",
        "Features",
        Tag.FEATURES,
        "A FeatureCollection.",
        media_type=GEOJSON,
        parameters=(
            _FEATURE_LIMIT,
            Parameter("offset", "How many to leave out.", whole(0, 2**31 - 1, 0)),
            _BBOX,
            Parameter("filter", "CQL2 text or JSON."),
        ),
        errors=(400, 404, 503),
    ),
    get(
        f"{_COLLECTION}/items/{{itemId}}",
        "One feature",
        Tag.FEATURES,
        "A Feature.",
        media_type=GEOJSON,
        errors=(404, 503),
    ),
    get(
        f"{_COLLECTION}/tiles/{{tileMatrixSetId}}/{{z}}/{{x}}/{{y}}",
        "A vector tile",
        Tag.FEATURES,
        "Mapbox Vector Tile.",
        media_type=MVT,
        errors=(400, 404, 503),
    ),
    get(
        f"{_COLLECTION}/tiles/{{tileMatrixSetId}}/tilejson.json",
        "TileJSON of a dataset",
        Tag.FEATURES,
        "TileJSON.",
        errors=(404, 503),
    ),
    get(
        f"{_COLLECTION}/tiles", "The tilesets of a dataset", Tag.FEATURES, "OGC tilesets.", errors=(404, 503)
    ),
    get(
        f"{_COLLECTION}/tiles/{{tileMatrixSetId}}",
        "One tileset of a dataset",
        Tag.FEATURES,
        "OGC tileset.",
        errors=(400, 404, 503),
    ),
    get(
        f"{_COLLECTION}/tiles/{{tileMatrixSetId}}/style.json",
        "A MapLibre style of a dataset",
        Tag.FEATURES,
        "MapLibre style.",
        errors=(400, 404, 503),
    ),
    get("/api/ogc/features/tileMatrixSets", "The tile matrix sets", Tag.FEATURES, "Names and links."),
    get(
        "/api/ogc/features/tileMatrixSets/{tileMatrixSetId}",
        "One tile matrix set",
        Tag.FEATURES,
        "OGC Two Dimensional Tile Matrix Set.",
        errors=(400, 404),
    ),
)

_PREVIEWS = (
    "/api/cog/preview",
    "/api/cog/preview.{format}",
    "/api/cog/preview/{width}x{height}.{format}",
)
_PARTS = (
    "/api/cog/bbox/{minx},{miny},{maxx},{maxy}.{format}",
    "/api/cog/bbox/{minx},{miny},{maxx},{maxy}/{width}x{height}.{format}",
)
_BELOW_FEATURE = (
    "/api/cog/feature",
    "/api/cog/feature.{format}",
    "/api/cog/feature/{width}x{height}.{format}",
)


def _picture(path: str, summary: str) -> Operation:
    return get(
        path,
        summary,
        Tag.RASTERS,
        "The picture.",
        media_type=PICTURE,
        parameters=_PICTURE,
        errors=(400, 404, 503),
    )


RASTERS = (
    get(
        "/api/cog/info",
        "The header of a published raster",
        Tag.RASTERS,
        "Bounds, bands, overviews.",
        parameters=(_DATASET,),
        errors=(404, 503),
    ),
    get(
        "/api/cog/statistics",
        "Statistics by band",
        Tag.RASTERS,
        "Statistics.",
        parameters=(_DATASET, _BIDX),
        errors=(404, 503),
    ),
    get(
        "/api/cog/point/{lon},{lat}",
        "The values at a place",
        Tag.RASTERS,
        "Values by band.",
        parameters=(_DATASET, _BIDX),
        errors=(400, 404, 503),
    ),
    get(
        "/api/cog/tiles/{tileMatrixSetId}/{z}/{x}/{y}.{format}",
        "A tile",
        Tag.RASTERS,
        "The tile.",
        media_type=PICTURE,
        parameters=_PICTURE,
        errors=(400, 404, 503),
    ),
    get(
        "/api/cog/{tileMatrixSetId}/tilejson.json",
        "TileJSON of a raster",
        Tag.RASTERS,
        "TileJSON.",
        parameters=_PICTURE,
        errors=(400, 404, 503),
    ),
    get(
        "/api/cog/info.geojson",
        "The header of a published raster as a feature",
        Tag.RASTERS,
        "A Feature.",
        media_type=GEOJSON,
        parameters=(_DATASET,),
        errors=(404, 503),
    ),
    *(_picture(path, "A small picture of the whole") for path in _PREVIEWS),
    *(_picture(path, "A picture of a part, by its bounds in degrees") for path in _PARTS),
    *(
        Operation(
            "POST",
            path,
            "A picture of the part below a GeoJSON feature",
            Tag.RASTERS,
            {200: Answer("The picture.", media_type=PICTURE)},
            takes_any_json=True,
            parameters=_PICTURE,
            errors=(400, 404, 422, 503),
        )
        for path in _BELOW_FEATURE
    ),
    Operation(
        "POST",
        "/api/cog/statistics",
        "Statistics by band below GeoJSON features",
        Tag.RASTERS,
        {200: Answer("The features, with statistics.", media_type=GEOJSON)},
        takes_any_json=True,
        parameters=(_DATASET, _BIDX),
        errors=(400, 404, 422, 503),
    ),
    get(
        "/api/cog/tiles",
        "The tilesets of a raster",
        Tag.RASTERS,
        "OGC tilesets.",
        parameters=(_DATASET,),
        errors=(404, 503),
    ),
    get(
        "/api/cog/tiles/{tileMatrixSetId}",
        "One tileset of a raster",
        Tag.RASTERS,
        "OGC tileset.",
        parameters=(_DATASET,),
        errors=(404, 503),
    ),
    _picture("/api/cog/tiles/{tileMatrixSetId}/{z}/{x}/{y}", "A tile, in the format that suits its pixels"),
    get("/api/tileMatrixSets", "The tile matrix sets", Tag.RASTERS, "Names and links."),
    get(
        "/api/tileMatrixSets/{tileMatrixSetId}",
        "One tile matrix set",
        Tag.RASTERS,
        "OGC Two Dimensional Tile Matrix Set.",
        errors=(404,),
    ),
    get("/api/colorMaps", "The colour maps", Tag.RASTERS, "Names and links."),
    get("/api/colorMaps/{colorMapId}", "One colour map", Tag.RASTERS, "Colours by value.", errors=(404,)),
)

_STAC_COLLECTION = "/api/stac/collections/{collection_id}"
STAC = (
    get("/api/stac/", "The catalogue", Tag.STAC, "A STAC Catalog."),
    get("/api/stac/conformance", "The conformance classes", Tag.STAC, "URIs."),
    get("/api/stac/collections", "The collections", Tag.STAC, "STAC Collections."),
    get(_STAC_COLLECTION, "One collection", Tag.STAC, "A STAC Collection.", errors=(404, 503)),
    get(
        f"{_STAC_COLLECTION}/items",
        "The items of a collection",
        Tag.STAC,
        "An ItemCollection.",
        media_type=GEOJSON,
        parameters=(_FEATURE_LIMIT, _BBOX),
        errors=(400, 404, 503),
    ),
    get(
        f"{_STAC_COLLECTION}/items/{{item_id}}",
        "One item",
        Tag.STAC,
        "A STAC Item.",
        media_type=GEOJSON,
        errors=(404, 503),
    ),
    get(
        "/api/stac/search",
        "Search for items",
        Tag.STAC,
        "An ItemCollection.",
        media_type=GEOJSON,
        parameters=(
            _BBOX,
            _FEATURE_LIMIT,
            Parameter("collections", "Ids, joined by commas."),
            Parameter("datetime", "An instant or an interval (RFC 3339)."),
        ),
        errors=(400, 503),
    ),
    Operation(
        "POST",
        "/api/stac/search",
        "Search for items by a body",
        Tag.STAC,
        {200: Answer("An ItemCollection.", media_type=GEOJSON)},
        takes_any_json=True,
        errors=(400, 503),
    ),
    get(
        "/api/stac/queryables",
        "What can be asked for",
        Tag.STAC,
        "JSON Schema.",
        media_type=SCHEMA,
        errors=(503,),
    ),
    get(
        f"{_STAC_COLLECTION}/queryables",
        "What can be asked for in one collection",
        Tag.STAC,
        "JSON Schema.",
        media_type=SCHEMA,
        errors=(404, 503),
    ),
)
