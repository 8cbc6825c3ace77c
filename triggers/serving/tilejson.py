"""TileJSON of the vector tiles of a published table.

Reference: TileJSON 3.0.0
"""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, HTTPException, Query
from morecantile import tms as matrix_sets
from starlette.requests import Request
from tipg.collections import Column
from tipg.errors import MissingGeometryColumn

from triggers.serving.tables import PublishedTable
from triggers.serving.vector_tiles import LAYER, MOST_BYTES, MOST_FEATURES, attributes_of

_ABOUT = (
    f"Tiles have at most {MOST_BYTES:,} bytes (uncompressed) and {MOST_FEATURES:,} features. One that would"
    " have more is simplified, and then lacks what is least seen: its header Tile-Reduction says so. What is"
    " smaller than a pixel is drawn as one."
)
_NOT_OF_TILES = ("minzoom", "maxzoom")
_PATH = "/collections/{collectionId}/tiles/{tileMatrixSetId}/tilejson.json"


def tilejson_of(
    request: Request,
    collection: PublishedTable,
    tile_matrix_set: str,
    *,
    minzoom: int | None,
    maxzoom: int | None,
) -> dict[str, Any]:
    """The document. The query goes on to the tiles, so that a map can show a choice of features and columns.

    Raises:
        MissingGeometryColumn: the table has no geometries.
    """
    if collection.geometry_column is None:
        raise MissingGeometryColumn
    grid = matrix_sets.get(tile_matrix_set)
    zooms = {
        "minzoom": grid.minzoom if minzoom is None else minzoom,
        "maxzoom": grid.maxzoom if maxzoom is None else maxzoom,
    }
    query = request.query_params
    wanted = query["properties"].split(",") if "properties" in query else None
    layer = {
        "id": LAYER,
        "description": collection.title or collection.id,
        "fields": {each.name: _described(each, collection) for each in attributes_of(collection, wanted)},
        **zooms,
    }
    bounds = _bounds(collection)
    return {
        "tilejson": "3.0.0",
        "name": collection.title or collection.id,
        "description": _ABOUT,
        "version": "1.0.0",
        "scheme": "xyz",
        "tiles": [_tiles(request, collection.id, tile_matrix_set)],
        **zooms,
        "bounds": bounds,
        "center": [(bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2, zooms["minzoom"]],
        "vector_layers": [layer],
    }


def _tiles(request: Request, collection_id: str, tile_matrix_set: str) -> str:
    passed_on = [pair for pair in request.query_params.multi_items() if pair[0] not in _NOT_OF_TILES]
    path = f"{request.base_url}collections/{collection_id}/tiles/{tile_matrix_set}/{{z}}/{{x}}/{{y}}"
    return f"{path}?{urlencode(passed_on)}" if passed_on else path


def _described(column: Column, collection: PublishedTable) -> str:
    """The type, and the source's name where it is another."""
    kind = str(collection.queryables[column.name]["type"])
    title = collection.source_names.get(column.name, column.name)
    return kind if title == column.name else f"{title} ({kind})"


def _bounds(collection: PublishedTable) -> list[float]:
    """TileJSON has no box across the antimeridian: maps take west > east for nothing at all."""
    west, south, east, north = collection.bbox or (-180, -90, 180, 90)
    return [west, south, east, north] if west <= east else [-180, south, 180, north]


def tilejson_route(collection_of_path: Any) -> tuple[str, Any]:
    """The path, and what answers there, of a collection that `collection_of_path` finds."""

    async def tilejson(
        request: Request,
        tileMatrixSetId: str,  # noqa: N803
        collection: Annotated[Any, Depends(collection_of_path)],
        minzoom: Annotated[int | None, Query(ge=0, le=30)] = None,
        maxzoom: Annotated[int | None, Query(ge=0, le=30)] = None,
    ) -> dict[str, Any]:
        if tileMatrixSetId not in matrix_sets.list():
            raise HTTPException(404, "There is no such tile matrix set.")
        return tilejson_of(request, collection, tileMatrixSetId, minzoom=minzoom, maxzoom=maxzoom)

    return _PATH, tilejson
