"""What the catalogue and the report say of features that were really loaded."""

from typing import Any

import shapely
from shapely.geometry import shape

from tests.integration.platform.test_whole_chain import Chain, chain, collections, places
from tests.unit.stac.judges import assert_valid
from triggers.reporting.page import report_page

__all__ = ["chain", "places"]  # fixtures

OPTIONS = {"invalid_geometry": "reject", "max_failed_fraction": 0.5, "exports": ["gpkg", "csv"]}


def item_of(chain: Chain) -> dict[str, Any]:
    query = "SELECT result -> 'item' FROM app.jobs WHERE job_type = 'stac_catalog_vectors'"
    item: dict[str, Any] = chain.hub.value(query)
    return item


def test_the_item_holds_every_feature_and_every_address(chain: Chain, places: bytes) -> None:
    status = chain.publish("places.gpkg", places, **OPTIONS)
    item = item_of(chain)

    assert_valid(item)
    footprint = shape(item["geometry"]).buffer(1e-9)
    for each in collections(chain.hub):
        stored = chain.hub.rows(f'SELECT ST_AsBinary(geom) AS geom FROM geo."{each["table_name"]}"')
        assert stored
        assert footprint.covers(shapely.from_wkb([row["geom"] for row in stored])).all()

    served = {asset["href"] for asset in item["assets"].values()}
    endpoints = status.endpoints or {}
    assert {endpoints[name] for name in ("items", "tilejson", "report", "rejects", "download_csv")} <= served
    assert item["properties"]["vector:feature_count"] == 101
    assert item["properties"]["vector:rejected_count"] == 1


def test_the_page_shows_what_was_loaded(chain: Chain, places: bytes) -> None:
    status = chain.publish("places.gpkg", places, **OPTIONS)
    page = report_page(chain.hub.router.report(status.request_id), status).html

    for words in ("Published, without 1 feature", "102 features read", "INVALID_GEOMETRY", "addr:city"):
        assert words in page
    for each in collections(chain.hub):
        assert each["collection_id"] in page
