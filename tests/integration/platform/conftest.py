"""The Platform on a fresh database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.platform.platform_under_test import PlatformUnderTest, platform_on
from tools.stack.database import DatabaseUrls


@pytest.fixture
def hub(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[PlatformUnderTest]:
    """A Platform with its own database and blobs."""
    with platform_on(database_urls, tmp_path) as platform:
        yield platform
