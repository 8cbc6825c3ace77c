"""The STAC item of a table of features."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from stac_pydantic import Collection, Item

from core.task_models.vector import StacVectorParameters
from services.stac.items_vector import create_vector_stac, vector_item
from tests.blobs import DirectoryBlobStore, surroundings

BASE = "https://example.org"
NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def parameters(**changes: Any) -> StacVectorParameters:
    given = {
        "item_id": "roads_v1_0123abcd",
        "collection_id": "ddh_vectors",
        "collection_title": "Vector datasets",
        "identifiers": {"dataset_id": "roads", "version_id": "v1"},
        "title": "Roads",
        "summary": {
            "table": "t_a1",
            "srid": 3857,
            "source_crs": "EPSG:25832",
            "geometry_type": "MultiLineString",
            "feature_count": 7,
            "null_geometry_count": 1,
            "bbox": (5.0, 47.0, 15.0, 55.0),
            "columns": [
                {"name": "name", "sql_type": "text", "source_name": "name"},
                {"name": "lange", "sql_type": "bigint", "source_name": "Länge"},
            ],
            "source": {
                "uri": "azure://bronze/r.gpkg",
                "size_bytes": 1,
                "etag": "x",
                "driver": "GPKG",
                "layer": "r",
            },
        },
        "hrefs": {
            "features": f"{BASE}/collections/r",
            "items": f"{BASE}/collections/r/items",
            "vector_tiles": f"{BASE}/collections/r/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}",
            "tilejson": f"{BASE}/collections/r/tiles/WebMercatorQuad/tilejson.json",
            "download": f"{BASE}/download",
            "map": f"{BASE}/?dataset=r",
        },
    }
    return StacVectorParameters.model_validate(given | changes)


def item(**changes: Any) -> dict[str, Any]:
    return vector_item(parameters(**changes), now=NOW)


def test_the_task_makes_documents_that_stac_knows(tmp_path: Path) -> None:
    context = surroundings(tmp_path, DirectoryBlobStore(tmp_path)).context
    result = create_vector_stac(parameters(), context)

    assert Item.model_validate(result.item).id == "roads_v1_0123abcd"
    assert Collection.model_validate(result.collection).id == result.item["collection"] == "ddh_vectors"


def test_the_item_says_what_the_table_holds() -> None:
    properties = item()["properties"]

    assert properties["ddh:dataset_id"] == "roads"
    assert (properties["proj:epsg"], properties["proj:code"]) == (3857, "EPSG:3857")
    assert properties["vector:feature_count"] == properties["table:row_count"] == 7
    assert properties["table:primary_geometry"] == "geom"
    assert properties["table:columns"] == [
        {"name": "name", "type": "text"},
        {"name": "lange", "type": "bigint", "description": "Länge"},
        {"name": "geom", "type": "MultiLineString"},
    ]


def test_the_geometry_is_the_bounding_box() -> None:
    made = item()

    assert made["bbox"] == [5, 47, 15, 55]
    assert made["geometry"]["type"] == "Polygon"
    assert made["geometry"]["coordinates"][0] == [[5, 47], [15, 47], [15, 55], [5, 55], [5, 47]]


def test_every_address_is_in_the_item() -> None:
    made = item()

    assert {name: asset["href"] for name, asset in made["assets"].items()} == {
        "data": f"{BASE}/download",
        "features": f"{BASE}/collections/r/items",
        "tiles": f"{BASE}/collections/r/tiles/WebMercatorQuad/tilejson.json",
    }
    links = {link["rel"]: link["href"] for link in made["links"]}
    assert links["xyz"].endswith("/{z}/{x}/{y}")
    assert links["alternate"] == f"{BASE}/?dataset=r"


@pytest.mark.parametrize(
    ("given", "expected"),
    [("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05Z"), (None, "2024-05-06T07:08:09Z")],
)
def test_the_time_is_aware_and_in_utc(given: str | None, expected: str) -> None:
    assert item(datetime=given)["properties"]["datetime"] == expected
