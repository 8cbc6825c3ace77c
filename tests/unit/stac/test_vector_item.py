"""The STAC item of a vector dataset."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from shapely.geometry import box, shape

from core.errors import PermanentTaskError
from services.stac.items_vector import create_vector_stac, vector_item
from tests.blobs import DirectoryBlobStore, surroundings
from tests.unit.stac import vector_summaries as given
from tests.unit.stac.judges import assert_valid

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
NOTES = [{"code": "NAME_CUT", "message": f"column {number} was cut"} for number in range(25)]
EXPORTS = (
    given.export("gpkg", "application/geopackage+sqlite3"),
    given.export("shp", "application/zip", notes=NOTES),
    given.export("pmtiles", "application/vnd.pmtiles"),
)
TWO = (
    given.table("roads"),
    given.table("Ortschaften", family="points", geometry_type="Point", bbox=(20.0, 47.0, 21.0, 48.0)),
)


def item(summary: Any = None, **changes: Any) -> dict[str, Any]:
    return vector_item(given.parameters(summary, **changes), now=NOW)


def hrefs(made: dict[str, Any], rel: str) -> list[str]:
    return [link["href"] for link in made["links"] if link["rel"] == rel]


def test_the_documents_of_the_task_are_valid(tmp_path: Path) -> None:
    context = surroundings(tmp_path, DirectoryBlobStore(tmp_path)).context
    result = create_vector_stac(given.parameters(), context)

    assert_valid(result.item)
    assert_valid(result.collection | {"stac_extensions": []})
    assert result.collection["id"] == result.item["collection"] == "ddh_vectors"


@pytest.mark.parametrize(
    "made",
    [
        item(),
        item(exports=EXPORTS, report=given.REPORT, rejects=f"{given.DOWNLOAD}?f=rejects"),
        item(given.ingested(*TWO), exports=EXPORTS),
        item(given.ingested(given.table(bbox=(170.0, -20.0, -170.0, -10.0)))),
        item(given.ingested(given.table(bbox=None))),
        item(given.ingested(given.table(source_crs='LOCAL_CS["here"]', columns=()))),
        item(start_datetime="2020-01-01T00:00:00Z", end_datetime="2021-01-01T00:00:00Z"),
    ],
    ids=["one", "files", "several", "antimeridian", "nowhere", "own_crs", "interval"],
)
def test_every_kind_of_dataset_gives_a_valid_item(made: dict[str, Any]) -> None:
    assert_valid(made)


def test_the_item_says_what_the_table_holds() -> None:
    properties = item()["properties"]

    assert (properties["ddh:dataset_id"], properties["ddh:version_id"]) == ("roads", "v1")
    assert (properties["proj:epsg"], properties["proj:code"]) == (3857, "EPSG:3857")
    assert properties["vector:feature_count"] == properties["table:row_count"] == 7
    assert (properties["vector:rejected_count"], properties["vector:null_geometry_count"]) == (2, 1)
    assert properties["vector:geometry_types"] == ["MultiLineString"]
    assert (properties["vector:format"], properties["vector:source_crs"]) == ("geopackage", "EPSG:25832")
    assert properties["table:primary_geometry"] == "geom"
    assert properties["table:columns"] == [
        {"name": "name", "type": "text"},
        {"name": "lange", "type": "bigint", "description": "Länge"},
        {"name": "geom", "type": "MultiLineString"},
    ]


def test_several_tables_share_one_item() -> None:
    made = item(given.ingested(*TWO))
    properties = made["properties"]

    assert (properties["table:row_count"], properties["vector:feature_count"]) == (14, 14)
    assert "table:columns" not in properties
    assert properties["table:tables"] == [
        {"name": "roads_v1_0", "description": "roads"},
        {"name": "roads_v1_1", "description": "Ortschaften (points)"},
    ]
    assert [(each["name"], each.get("family")) for each in properties["vector:layers"]] == [
        ("roads", None),
        ("Ortschaften", "points"),
    ]
    second = made["assets"]["features_roads_v1_1"]
    assert second["title"] == "Ortschaften (points): OGC API Features"
    assert (second["table:row_count"], second["table:columns"][-1]["type"]) == (7, "Point")
    assert len(hrefs(made, "xyz")) == len(hrefs(made, "tilejson")) == 2
    assert hrefs(made, "alternate") == [f"{given.BASE}/?dataset=r"]


def test_source_crs_that_differ_stand_with_their_tables() -> None:
    other = given.table("b", source_crs="EPSG:4326")
    properties = item(given.ingested(given.table("a"), other))["properties"]
    assert "vector:source_crs" not in properties
    assert [each["source_crs"] for each in properties["vector:layers"]] == ["EPSG:25832", "EPSG:4326"]


def test_the_geometry_is_the_footprint_of_all_tables() -> None:
    made = item(given.ingested(*TWO, bbox=(5.0, 47.0, 21.0, 55.0)))

    assert made["bbox"] == [5, 47, 21, 55]
    assert made["geometry"]["type"] == "MultiPolygon"
    assert shape(made["geometry"]).equals(box(5, 47, 15, 55) | box(20, 47, 21, 48))
    assert all(part.exterior.is_ccw for part in shape(made["geometry"]).geoms)


def test_footprints_that_meet_become_one_area() -> None:
    tables = (given.table("a"), given.table("b", bbox=(10.0, 47.0, 20.0, 55.0)))
    assert shape(item(given.ingested(*tables))["geometry"]).equals(box(5, 47, 20, 55))


def test_a_cut_at_the_antimeridian_stays() -> None:
    halves = {
        "type": "MultiPolygon",
        "coordinates": [
            given.box(179.0, -20.0, 180.0, -10.0)["coordinates"],
            given.box(-180.0, -20.0, -179.0, -10.0)["coordinates"],
        ],
    }
    crossing = given.table("a", bbox=(179.0, -20.0, -179.0, -10.0), footprint=halves)
    beside = given.table("b", bbox=(-179.5, -15.0, -170.0, -10.0))
    made = item(given.ingested(crossing, beside, bbox=(179.0, -20.0, -170.0, -10.0)))

    assert made["bbox"] == [179, -20, -170, -10]
    assert len(made["geometry"]["coordinates"]) == 2
    assert shape(made["geometry"]).bounds == (-180, -20, 180, -10)


def test_a_table_without_a_footprint_is_its_box() -> None:
    whole = given.ingested(given.table("a"), given.table("b", footprint=None), bbox=(5.0, 40.0, 30.0, 55.0))
    assert shape(item(whole)["geometry"]).equals(box(5, 40, 30, 55))


def test_a_table_without_places_does_not_widen_the_footprint() -> None:
    plain = given.table("b", family="without_geometry", bbox=None, geometry_type="Geometry")
    assert shape(item(given.ingested(given.table("a"), plain))["geometry"]).equals(box(5, 47, 15, 55))


def test_nothing_to_be_found_by_is_refused(tmp_path: Path) -> None:
    context = surroundings(tmp_path, DirectoryBlobStore(tmp_path)).context
    with pytest.raises(PermanentTaskError) as refused:
        create_vector_stac(given.parameters(given.ingested(given.table(bbox=None))), context)
    assert refused.value.code == "ALL_GEOMETRY_NULL"


def test_every_address_is_in_the_item() -> None:
    made = item(exports=EXPORTS, report=f"{given.REPORT}?f=html", rejects=f"{given.DOWNLOAD}?f=rejects")
    of_table = given.hrefs("roads_v1_0")

    assert {name: asset["href"] for name, asset in made["assets"].items()} == {
        "data": f"{given.DOWNLOAD}?f=gpkg",
        "features": of_table["items"],
        "tiles": of_table["tilejson"],
        "shp": f"{given.DOWNLOAD}?f=shp",
        "pmtiles": f"{given.DOWNLOAD}?f=pmtiles",
        "report": f"{given.REPORT}?f=html",
        "rejects": f"{given.DOWNLOAD}?f=rejects",
    }
    assert hrefs(made, "xyz") == [of_table["vector_tiles"]]
    assert hrefs(made, "pmtiles") == [f"{given.DOWNLOAD}?f=pmtiles"]
    assert hrefs(made, "describedby") == [of_table["features"], f"{given.REPORT}?f=json"]


def test_files_have_their_size_their_checksum_and_what_they_could_not_hold() -> None:
    assets = item(exports=EXPORTS)["assets"]

    for name in ("data", "shp", "pmtiles"):
        assert (assets[name]["file:size"], assets[name]["file:checksum"]) == (4321, f"1220{given.SHA256}")
    assert "description" not in assets["data"]
    lines = assets["shp"]["description"].splitlines()
    assert lines[2] == "- column 0 was cut"
    assert lines[-1] == "- and 5 more, which the report has"


def test_every_table_must_be_served() -> None:
    with pytest.raises(ValidationError, match="as many as"):
        given.parameters(layers=[])


@pytest.mark.parametrize(
    ("time", "expected"),
    [("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05Z"), (None, "2024-05-06T07:08:09Z")],
)
def test_the_time_is_aware_and_in_utc(time: str | None, expected: str) -> None:
    assert item(datetime=time)["properties"]["datetime"] == expected
