"""Fixtures of the host's contract tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.functions_host.running import RunningBroker, RunningHost, copy_sample_app, running_host


@pytest.fixture
def app_root(tmp_path: Path) -> Path:
    """A sample app of the test's own."""
    return copy_sample_app(tmp_path)


@pytest.fixture(scope="module")
def http_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """One host for tests that only ask it over HTTP."""
    with running_host(copy_sample_app(tmp_path_factory.mktemp("http"))) as host:
        yield host


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    """A broker of the test's own."""
    running = RunningBroker(tmp_path)
    try:
        yield running
    finally:
        running.kill()
