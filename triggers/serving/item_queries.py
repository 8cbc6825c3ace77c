"""What OGC API Features has to say about a query where tipg says nothing: it would answer something else."""

from typing import Annotated, Any

from fastapi import Query
from morecantile import tms as matrix_sets
from starlette.requests import Request
from tipg import dependencies
from tipg.errors import InvalidPropertyName
from tipg.resources.enums import MediaType

from core.errors import InvalidRequest
from triggers.serving.quick_tipg import SharedMatrixSets, on_the_loop
from triggers.serving.tables import PublishedTable

# OGC 18-058r1, 7: the one CRS that every collection has. EPSG:4326 is not the same, its axes are turned.
_CRS84 = frozenset(
    {
        "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        "https://www.opengis.net/def/crs/OGC/1.3/CRS84",
        "OGC:CRS84",
        "[OGC:CRS84]",
        "CRS84",
    }
)
_OF_CRS = ("crs", "bbox-crs", "filter-crs")
_MATRIX_SETS = SharedMatrixSets({})


def check_query(request: Request, table: PublishedTable) -> None:
    """Refuse what would be ignored.

    Raises:
        InvalidRequest: (INVALID_CRS) coordinates in another CRS; the matrix set has no such zoom.
        InvalidPropertyName: the table has no such column.
    """
    for name in _OF_CRS:
        if (wanted := request.query_params.get(name)) is not None and wanted not in _CRS84:
            raise InvalidRequest(
                f"{name}: coordinates are in longitude and latitude (CRS84) here, and in no other CRS.",
                code="INVALID_CRS",
                remedy=f"Leave {name} out; tables in their own CRS can be downloaded.",
                field_errors=({"loc": name, "msg": "is not CRS84"},),
            )
    if "/items" in request.url.path and (text := request.query_params.get("properties")):
        _check_properties(text, table)
    _check_zoom(request.path_params)


def _check_properties(text: str, table: PublishedTable) -> None:
    known = {column.name for column in table.properties}
    for name in map(str.strip, text.split(",")):
        if name and name not in known:
            raise InvalidPropertyName(f"Property {name[:80]} does not exist.")


def _check_zoom(place: dict[str, Any]) -> None:
    zoom, name = str(place.get("z", "")), str(place.get("tileMatrixSetId", ""))
    if not zoom.isdecimal() or name not in matrix_sets.list():
        return
    highest = _MATRIX_SETS.get(name).maxzoom
    if int(zoom) > highest:
        raise InvalidRequest(
            f"z: {name} has the zooms 0 to {highest}.",
            remedy="See the TileJSON for the zooms that there are tiles of.",
            field_errors=({"loc": "z", "msg": f"must be at most {highest}"},),
        )


def _form(
    request: Request,
    f: Annotated[
        dependencies.ItemsResponseType | None,
        Query(description="The form of the answer; otherwise what `Accept` likes best. `json` is GeoJSON."),
    ] = None,
) -> MediaType | None:
    """As OGC API Features has it: the JSON of features is GeoJSON (the library's would be bare rows)."""
    form: MediaType | None = dependencies.ItemsOutputType(request, f)
    return MediaType.geojson if form is MediaType.json else form


items_form = on_the_loop(_form)
