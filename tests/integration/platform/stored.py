"""Questions that several tests ask of what is stored."""

from typing import Any

from core.errors import AppError
from tests.integration.platform.platform_under_test import PlatformUnderTest


def counts(hub: PlatformUnderTest) -> dict[str, int]:
    """How many rows a submission has left."""
    tables = {
        "datasets": "app.datasets",
        "requests": "platform.requests",
        "jobs": "app.jobs",
        "request_jobs": "platform.request_jobs",
        "outbox": "app.outbox",
    }
    return {name: hub.value(f"SELECT count(*) FROM {table}") for name, table in tables.items()}


def errors(exc: Exception) -> str:
    """The code of one of our errors."""
    assert isinstance(exc, AppError)
    return exc.code


def published(hub: PlatformUnderTest, collection_id: str) -> dict[str, Any]:
    """What the serving apps know of a dataset."""
    query = "SELECT * FROM platform.published_datasets WHERE collection_id = %(id)s"
    (row,) = hub.rows(query, id=collection_id)
    return row


def delete_dataset(hub: PlatformUnderTest) -> None:
    """The state that a deletion leaves, from which a new revision can begin; the data are still there."""
    hub.execute("UPDATE app.datasets SET status = 'deleted'")
