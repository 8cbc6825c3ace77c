"""What items and collections of all kinds are put together from: extensions, assets, links."""

from collections.abc import Mapping
from typing import Any

_EXTENSION = "https://stac-extensions.github.io/{}/schema.json"
# 1.2.0 is the one version that knows `proj:code` and still allows `proj:epsg`.
PROJECTION = _EXTENSION.format("projection/v1.2.0")
RASTER = _EXTENSION.format("raster/v1.1.0")
TABLE = _EXTENSION.format("table/v1.2.0")
FILE = _EXTENSION.format("file/v2.1.0")
WEB_MAP_LINKS = _EXTENSION.format("web-map-links/v1.2.0")
RENDER = _EXTENSION.format("render/v2.0.0")
EO = _EXTENSION.format("eo/v1.1.0")
CLASSIFICATION = _EXTENSION.format("classification/v2.0.0")
ITEM_ASSETS = _EXTENSION.format("item-assets/v1.0.0")
PMTILES_MEDIA_TYPE = "application/vnd.pmtiles"

Json = dict[str, Any]


def asset(href: object, media_type: str, title: str, *roles: str) -> Json:
    """An asset without fields of its own."""
    return {"href": str(href), "type": media_type, "title": title, "roles": list(roles)}


def link(rel: str, href: object, media_type: str, title: str) -> Json:
    """A link without fields of its own."""
    return {"rel": rel, "href": str(href), "type": media_type, "title": title}


def file_fields(*, size_bytes: int, sha256: str) -> Json:
    """The fields of the file extension."""
    return {"file:size": size_bytes, "file:checksum": multihash(sha256)}


def multihash(sha256: str) -> str:
    """A SHA-256 as the file extension wants it: 0x12 for the algorithm, 0x20 bytes."""
    return f"1220{sha256}"


def optional_assets(entries: Mapping[str, Json | None]) -> dict[str, Json]:
    """Those that there are."""
    return {name: entry for name, entry in entries.items() if entry is not None}
