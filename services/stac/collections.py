"""The STAC collection that an item belongs to, for rasters and vectors alike."""

from typing import Any

from core.task_models.stac import StacParameters

STAC_VERSION = "1.0.0"
_WHOLE_WORLD = (-180.0, -90.0, 180.0, 90.0)


def collection_document(parameters: StacParameters, *, description: str) -> dict[str, Any]:
    """The collection as JSON: the same for every item of it, whatever the item.

    The extent is the whole world and all time, on purpose: it holds for any item that is or will be in
    the collection, so two publications that run together cannot overwrite each other's extent. A
    catalogue that counts its items may narrow it (pgSTAC: `pgstac.update_collection_extents()`).
    The licence is `various` because each item states its own
    (STAC 1.0.0, collection-spec, "license").
    """
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "id": parameters.collection_id,
        "title": parameters.collection_title,
        "description": description,
        "license": "various",
        "extent": {
            "spatial": {"bbox": [list(_WHOLE_WORLD)]},
            "temporal": {"interval": [[None, None]]},
        },
        "links": [],
    }
