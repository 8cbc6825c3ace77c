"""Empty containers for each test, as a folder is a collection."""

from collections.abc import Iterator

import pytest

from tests.raster_zones import Zones, open_zones
from tools.stack.azurite import AzuriteServer


@pytest.fixture
def zones(azurite: AzuriteServer) -> Iterator[Zones]:
    with open_zones(azurite) as zones:
        yield zones
