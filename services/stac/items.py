"""What every STAC item has, whatever it describes: identity, time, footprint, links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from core.task_models.stac import BBox, StacParameters
from services.stac.collections import STAC_VERSION


@dataclass(frozen=True, slots=True)
class ItemContent:
    """The part of an item that depends on the kind of data.

    `geometry` is GeoJSON in EPSG:4326 and `bbox` its bounds, or both are None for data without a place.
    """

    geometry: Mapping[str, Any] | None
    bbox: BBox | None
    assets: Mapping[str, Mapping[str, Any]]
    links: Sequence[Mapping[str, Any]] = ()
    extensions: Sequence[str] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)


def item_document(parameters: StacParameters, content: ItemContent, *, now: datetime) -> dict[str, Any]:
    """The item as JSON (STAC 1.0.0, item-spec). `now` is aware, and becomes `created`."""
    item = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": list(content.extensions),
        "id": parameters.item_id,
        "collection": parameters.collection_id,
        "geometry": content.geometry,
        "properties": _properties(parameters, now) | dict(content.properties),
        "links": [_collection_link(parameters), *content.links],
        "assets": dict(content.assets),
    }
    return item if content.bbox is None else item | {"bbox": list(content.bbox)}


def box_geometry(bbox: BBox) -> dict[str, Any]:
    """The bounds as GeoJSON; two boxes when they cross the antimeridian (RFC 7946, section 3.1.9)."""
    west, south, east, north = bbox
    if west <= east:
        return {"type": "Polygon", "coordinates": [_ring(bbox)]}
    parts = ((west, south, 180.0, north), (-180.0, south, east, north))
    return {"type": "MultiPolygon", "coordinates": [[_ring(part)] for part in parts]}


def rfc3339(moment: datetime) -> str:
    """An aware time in UTC with the suffix Z, as STAC asks for (RFC 3339, section 5.6)."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def identifier_properties(parameters: StacParameters) -> dict[str, str]:
    """The client's own names of the dataset, prefixed with its namespace."""
    return {f"{parameters.namespace}:{name}": value for name, value in parameters.identifiers.items()}


def item_interval(item: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """From when to when an item of ours was observed; twice the same for a moment."""
    properties = item["properties"]
    moment = properties["datetime"]
    first, last = (moment, moment) if moment else (properties["start_datetime"], properties["end_datetime"])
    return datetime.fromisoformat(first), datetime.fromisoformat(last)


def _properties(parameters: StacParameters, now: datetime) -> dict[str, Any]:
    given = {
        "description": parameters.description,
        "license": parameters.license,
        "keywords": list(parameters.keywords),
    }
    return (
        {"title": parameters.title, "created": rfc3339(now)}
        | {name: value for name, value in given.items() if value}
        | _time(parameters, now)
        | identifier_properties(parameters)
    )


def _time(parameters: StacParameters, now: datetime) -> dict[str, Any]:
    """`datetime`, or null with an interval. STAC demands one of them even where nobody knows the time:
    then it is the time of cataloguing, and `<namespace>:datetime_source` says so."""
    source = f"{parameters.namespace}:datetime_source"
    times: dict[str, Any] = {"datetime": None, source: "client"}
    if parameters.start_datetime and parameters.end_datetime:
        times["start_datetime"] = rfc3339(parameters.start_datetime)
        times["end_datetime"] = rfc3339(parameters.end_datetime)
    if parameters.datetime:
        times["datetime"] = rfc3339(parameters.datetime)
    elif "start_datetime" not in times:
        times |= {"datetime": rfc3339(now), source: "cataloguing"}
    return times


def _collection_link(parameters: StacParameters) -> dict[str, str]:
    """STAC requires this link beside `collection`. Relative to `.../collections/{c}/items/{i}`."""
    return {"rel": "collection", "href": f"../../{parameters.collection_id}", "type": "application/json"}


def _ring(bbox: BBox) -> list[list[float]]:
    west, south, east, north = bbox
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]
