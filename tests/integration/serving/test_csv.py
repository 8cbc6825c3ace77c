"""Features as CSV."""

import csv

from tests.integration.serving.functions_client import FunctionsClient
from tests.integration.serving.layers import Connection, publish_layer

ITEMS = "/api/ogc/features/collections/cells/items"


def publish_cells(connection: Connection) -> None:
    publish_layer(
        connection,
        "cells",
        rows="""SELECT n AS fid, (ARRAY['=HYPERLINK("http://x")', '@cmd', '-12.5', 'plain'])[n] AS word,"""
        " ST_Point(n, n) AS geom FROM generate_series(1, 4) n",
        columns={"word": "text"},
    )


def rows_of(client: FunctionsClient, query: str) -> list[list[str]]:
    answer = client.get(f"{ITEMS}?f=csv{query}")
    assert (answer.status, answer.type.split(";")[0]) == (200, "text/csv")
    return list(csv.reader(answer.body.decode().splitlines()))


def test_cells_that_would_run_are_made_harmless(client: FunctionsClient, app_connection: Connection) -> None:
    publish_cells(app_connection)
    header, *rows = rows_of(client, "")
    assert header == ["collectionId", "itemId", "fid", "word", "geometry"]
    assert [row[3] for row in rows] == ['\'=HYPERLINK("http://x")', "'@cmd", "-12.5", "plain"]
    assert rows[3] == ["cells", "4", "4", "plain", "SRID=4326;POINT(4 4)"]


def test_no_feature_is_a_header_alone(client: FunctionsClient, app_connection: Connection) -> None:
    publish_cells(app_connection)
    assert rows_of(client, "&filter=fid=99") == [["collectionId", "itemId", "fid", "word", "geometry"]]
    assert rows_of(client, "&filter=fid=99&properties=word&geom-column=none") == [
        ["collectionId", "itemId", "word"]
    ]


def test_one_feature_alone(client: FunctionsClient, app_connection: Connection) -> None:
    publish_cells(app_connection)
    answer = client.get(f"{ITEMS}/4?f=csv")
    assert answer.body.decode().splitlines()[1] == "cells,4,4,plain,SRID=4326;POINT(4 4)"
