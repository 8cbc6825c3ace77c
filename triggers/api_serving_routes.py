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

_MOSAIC = "/api/mosaic/{collection_id}"
_SIZES = ("", ".{format}", "/{width}x{height}.{format}")
_PIXEL_SELECTION = Parameter("pixel_selection", "Which of several parts is seen: first, highest, mean, ...")


def _rasters(base: str, name: tuple[Parameter, ...]) -> tuple[Operation, ...]:
    """The verbs of a raster below `base`; `name` are the parameters that say which one it is."""
    looks = (*name, _BIDX, _RESCALE, _COLORMAP)

    def document(path: str, summary: str, what: str, *more: Parameter) -> Operation:
        return get(
            f"{base}/{path}", summary, Tag.RASTERS, what, parameters=(*name, *more), errors=(400, 404, 503)
        )

    def picture(path: str, summary: str) -> Operation:
        return get(
            f"{base}/{path}",
            summary,
            Tag.RASTERS,
            "The picture.",
            media_type=PICTURE,
            parameters=looks,
            errors=(400, 404, 503),
        )

    def posted(path: str, summary: str, answer: Answer, parameters: tuple[Parameter, ...]) -> Operation:
        return Operation(
            "POST",
            f"{base}/{path}",
            summary,
            Tag.RASTERS,
            {200: answer},
            takes_any_json=True,
            parameters=parameters,
            errors=(400, 404, 422, 503),
        )

    return (
        document("info", "The header of a published raster", "Bounds, bands, overviews."),
        document("statistics", "Statistics by band", "Statistics.", _BIDX),
        document("point/{lon},{lat}", "The values at a place", "Values by band.", _BIDX),
        document(
            "{tileMatrixSetId}/tilejson.json", "TileJSON of a raster", "TileJSON.", _BIDX, _RESCALE, _COLORMAP
        ),
        get(
            f"{base}/info.geojson",
            "The header of a published raster as a feature",
            Tag.RASTERS,
            "A Feature.",
            media_type=GEOJSON,
            parameters=name,
            errors=(404, 503),
        ),
        document("tiles", "The tilesets of a raster", "OGC tilesets."),
        document("tiles/{tileMatrixSetId}", "One tileset of a raster", "OGC tileset."),
        picture("tiles/{tileMatrixSetId}/{z}/{x}/{y}", "A tile, in the format that suits its pixels"),
        picture("tiles/{tileMatrixSetId}/{z}/{x}/{y}.{format}", "A tile"),
        *(picture(f"preview{size}", "A small picture of the whole") for size in _SIZES),
        *(
            picture(f"bbox/{{minx}},{{miny}},{{maxx}},{{maxy}}{size}", "A picture of a part, by its bounds")
            for size in _SIZES[1:]
        ),
        *(
            posted(
                f"feature{size}",
                "A picture of the part below a GeoJSON feature",
                Answer("The picture.", media_type=PICTURE),
                looks,
            )
            for size in _SIZES
        ),
        posted(
            "statistics",
            "Statistics by band below GeoJSON features",
            Answer("The features, with statistics.", media_type=GEOJSON),
            (*name, _BIDX),
        ),
        get(
            f"{base}/legend.png",
            "What the colours of the default look mean",
            Tag.RASTERS,
            "The legend.",
            media_type=PICTURE,
            parameters=(*name, Parameter("title", "false leaves the title out.")),
            errors=(404, 503),
        ),
    )


RASTERS = (
    *_rasters("/api/cog", (_DATASET,)),
    *_rasters(_MOSAIC, (_PIXEL_SELECTION,)),
    get(
        f"{_MOSAIC}/mosaicjson",
        "The MosaicJSON of a mosaic, with the addresses of its parts",
        Tag.RASTERS,
        "MosaicJSON 0.0.3.",
        errors=(404, 503),
    ),
    get(
        f"{_MOSAIC}/{{z}}/{{x}}/{{y}}/assets",
        "The parts that touch a tile of WebMercatorQuad",
        Tag.RASTERS,
        "Addresses.",
        errors=(404, 422, 503),
    ),
    Operation(
        "GET",
        "/api/platform/data/{request_id}/download/{name}",
        "Download a part of a mosaic, or what was derived from a raster, by its name",
        Tag.PLATFORM,
        {
            200: Answer("The file.", media_type="application/octet-stream"),
            206: Answer("The range asked for.", media_type="application/octet-stream"),
        },
        parameters=(Parameter("Range", "bytes=first-last", place="header"),),
        errors=(404, 409, 503),
    ),
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
    *(
        get(
            f"/api/tiles/{{z}}/{{x}}/{{y}}{ending}",
            "A tile of whatever is published under a name: a picture of a raster, vectors of a table",
            Tag.RASTERS,
            "The tile.",
            media_type=PICTURE if ending else "*/*",
            parameters=(
                Parameter("collection", "The collection id of a published dataset."),
                Parameter("mosaic", "The same, of a mosaic; one of the two."),
            ),
            errors=(400, 404, 422, 503),
        )
        for ending in ("", ".{format}")
    ),
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
