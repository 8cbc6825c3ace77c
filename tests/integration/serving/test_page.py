"""The page over a real database."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from infrastructure.database import Database
from infrastructure.repositories.published import PublishedRepository
from tests.integration.serving.functions_client import FunctionsClient
from tests.integration.serving.publications import publish_squares
from tools.stack.database import DatabaseUrls
from triggers.serving.config import ServingConfig

Connection = psycopg.Connection[Any]


@pytest.fixture
def worker(serving_config: ServingConfig, database_urls: DatabaseUrls) -> Iterator[FunctionsClient]:
    with (
        Database(database_urls.app, on_promised=lambda ids: None) as database,
        FunctionsClient(replace(serving_config, catalogue=PublishedRepository(database))) as running,
    ):
        yield running


def test_the_page_lists_what_was_published_and_takes_a_name(
    worker: FunctionsClient, app_connection: Connection
) -> None:
    for name in ("first", "second"):
        request_id = publish_squares(app_connection, name)
        endpoints = json.dumps({"tilejson": f"https://maps.example.org/{name}/tilejson.json"})
        app_connection.execute(
            "UPDATE platform.requests SET endpoints = %s WHERE request_id = %s", (endpoints, request_id)
        )
    newest = worker.get("/")
    assert (newest.status, newest.headers["cache-control"]) == (200, "no-store")
    assert "https://maps.example.org/second/tilejson.json" in newest.body.decode()
    chosen = worker.get("/?dataset=first")
    assert "https://maps.example.org/first/tilejson.json" in chosen.body.decode()
    assert worker.get("/static/page.css").status == 200
    assert worker.get("/static/../routes.py").status == 404
