"""Jobs over HTTP on a fresh database."""

from collections.abc import Iterator

import pytest

from tests.integration.jobs_http.jobs_client import JobsClient, client_on
from tools.stack.database import DatabaseUrls


@pytest.fixture
def client(database_urls: DatabaseUrls) -> Iterator[JobsClient]:
    """Jobs of three stages; their handler returns what it is given."""
    with client_on(database_urls) as client:
        yield client
