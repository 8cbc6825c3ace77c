"""One stack for all acceptance tests; each test submits datasets of its own."""

import pytest

from tests.acceptance.hub import Hub
from tools.stack.stack import Stack


@pytest.fixture(scope="session")
def hub(stack: Stack) -> Hub:
    """The data hub."""
    return Hub(stack)
