"""HTML pages about data that would like to run as script."""

import re

from tests.integration.serving.functions_client import FunctionsClient
from tests.integration.serving.layers import Connection, publish_layer

COLLECTIONS = "/api/ogc/features/collections"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def test_values_and_titles_run_nothing_in_pages(client: FunctionsClient, app_connection: Connection) -> None:
    publish_layer(
        app_connection,
        "hostile",
        rows=f"SELECT 1 AS fid, '{HOSTILE}' AS name, ST_Point(1, 2) AS geom",
        columns={"name": "text"},
    )
    app_connection.execute("UPDATE platform.collections SET title = %s", (HOSTILE,))
    app_connection.execute("UPDATE platform.catalog_version SET version = version + 1")
    for path in ("?f=html", "/hostile?f=html", "/hostile/items?f=html", "/hostile/items/1?f=html"):
        page = client.get(COLLECTIONS + path)
        text = page.body.decode()
        assert page.status == 200
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "alert(" in text or path == "?f=html"  # the data are there, as text


def test_pages_allow_their_own_scripts_alone(client: FunctionsClient, app_connection: Connection) -> None:
    publish_layer(app_connection, "plain", rows="SELECT 1 AS fid, ST_Point(1, 2) AS geom")
    path = f"{COLLECTIONS}/plain/items?f=html"
    first, second = client.get(path), client.get(path)
    policies = [page.headers["content-security-policy"] for page in (first, second)]
    assert policies[0] != policies[1]
    [nonce] = re.findall(r"script-src 'nonce-([^']+)';", policies[0])
    scripts = re.findall(r"<script[^>]*>", first.body.decode())
    assert len(scripts) > 1
    assert all(f'nonce="{nonce}"' in script for script in scripts)
    assert "content-security-policy" not in client.get(f"{COLLECTIONS}/plain/items").headers
