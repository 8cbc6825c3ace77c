"""Fixtures of the host's contract tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.functions_host.bus import Bus, BusPark, opened
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


@pytest.fixture(scope="session")
def bus_park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusPark]:
    """One broker for all tests that leave it alive."""
    broker = RunningBroker(tmp_path_factory.mktemp("broker"))
    try:
        with opened(broker) as park:
            yield park
    finally:
        broker.kill()


@pytest.fixture
def bus(bus_park: BusPark) -> Bus:
    """Queues of the test's own."""
    return bus_park.next_bus()


@pytest.fixture
def mortal_broker(tmp_path: Path) -> Iterator[RunningBroker]:
    """A broker of the test's own, with locks that outlast its restart."""
    broker = RunningBroker(tmp_path, lock_duration="PT30S")
    try:
        yield broker
    finally:
        broker.kill()
