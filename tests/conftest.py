"""Fixtures for real servers. They start when the first test asks, and stop when the run ends.

postgres_server   a private cluster (session)
template_database bootstrapped and migrated once (session)
database_urls     a copy of it for the test: `.app`, `.migrator`, `.reader`, `.admin`
azurite           the blob service (session);   `storage`: empty containers for the test
broker            the development broker (session), with empty queues at the start of the run
stack             the whole stack with its hosts, on a database of its own (session)
"""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stack_fixtures.slots import take_slot
from tests.stack_fixtures.storage import Storage, fresh_storage
from tools.stack.azurite import AzuriteServer
from tools.stack.clones import DatabaseClones
from tools.stack.database import Database, DatabaseUrls
from tools.stack.errors import MissingProgram
from tools.stack.part import Part
from tools.stack.postgres import PostgresServer
from tools.stack.python_parts import BrokerServer
from tools.stack.stack import Stack
from tools.stack.state import StateDirectory
from tools.stack.topology import APPS, Topology

ROOT = Path(__file__).resolve().parents[1]
_SERVICES = {"postgres_server", "azurite", "broker", "stack"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, so that `-m "not services"` runs the rest."""
    for item in items:
        if _SERVICES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.services)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Half characters that a test has logged must not stop its report on the way between processes."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@contextmanager
def running(part: Part) -> Iterator[None]:
    """Start the part and stop it at the end. Not installed: skip on a laptop, fail in CI."""
    part.stop()  # left over where an earlier run was killed
    part.discard_data()
    try:
        part.start()
    except MissingProgram as missing:
        unavailable(missing)
    try:
        part.wait_ready()
        yield
    finally:
        part.stop()


def unavailable(missing: MissingProgram) -> None:
    """Skip on a laptop, fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(str(missing))
    pytest.skip(str(missing))


@pytest.fixture(scope="session")
def server_state() -> Iterator[StateDirectory]:
    """Where the servers of this run live."""
    with take_slot(ROOT / ".local" / "test") as slot:
        yield StateDirectory(slot)


@pytest.fixture(scope="session")
def postgres_server(server_state: StateDirectory) -> Iterator[PostgresServer]:
    """A private cluster without fsync: it survives the kill of a process, not the loss of power."""
    server = PostgresServer(state=server_state, durable=False)
    with running(server):
        yield server


@pytest.fixture(scope="session")
def template_database(postgres_server: PostgresServer, server_state: StateDirectory) -> Database:
    """Bootstrapped and migrated; never connect to it, or no copy can be made."""
    template = Database(
        server=postgres_server, state=server_state, root=ROOT, name="geodata_template", disposable=True
    )
    template.bring_up_to_date()
    return template


@pytest.fixture(scope="session")
def database_clones(postgres_server: PostgresServer, template_database: Database) -> DatabaseClones:
    """Makes copies of the template, for tests that need more than one."""
    clones = DatabaseClones(server=postgres_server, template=template_database)
    clones.drop_leftovers()
    return clones


@pytest.fixture
def database_urls(database_clones: DatabaseClones) -> Iterator[DatabaseUrls]:
    """A fresh database for this test, as each role sees it."""
    with database_clones.clone() as urls:
        yield urls


@pytest.fixture(scope="session")
def azurite(server_state: StateDirectory) -> Iterator[AzuriteServer]:
    """The blob service."""
    server = AzuriteServer(state=server_state, root=ROOT)
    with running(server):
        yield server


@pytest.fixture
def storage(azurite: AzuriteServer) -> Iterator[Storage]:
    """Empty containers for this test."""
    with fresh_storage(azurite) as containers:
        yield containers


@pytest.fixture(scope="session")
def broker(server_state: StateDirectory) -> Iterator[BrokerServer]:
    """The development broker; messages of earlier tests of the run may be in its queues."""
    server = BrokerServer(state=server_state, root=ROOT)
    with running(server):
        yield server


@pytest.fixture(scope="session")
def stack(
    server_state: StateDirectory,
    database_clones: DatabaseClones,
    azurite: AzuriteServer,
    broker: BrokerServer,
) -> Iterator[Stack]:
    """The stack with its hosts, on the servers of the other fixtures and with a database of its own.

    Two processes answer, so that no test passes because one process remembers something.
    """
    settings = {"FUNCTIONS_WORKER_PROCESS_COUNT": "2", "VECTOR_EXTRA_FORMATS": "true"}
    stack = Stack(ROOT, server_state.path, Topology.STANDALONE, durable=False, settings=settings)
    database_clones.replace(stack.database.name)
    hosts = [stack.part(app.part) for app in APPS[stack.topology]]
    try:
        stack.up()
        yield stack
    finally:
        for host in hosts:
            host.stop()
