"""A stack of its own for the chaos tests: they kill its parts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.chaos.laboratory import FAULTS, LEDGER, SETTINGS, Laboratory
from tests.conftest import unavailable
from tests.stack_fixtures.slots import take_slot
from tools.stack.errors import MissingProgram
from tools.stack.stack import Stack
from tools.stack.topology import Topology

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    """The laboratory's app on servers that belong to this test."""
    lab = ROOT / "tools" / "lab" / "app"
    with _running_stack(settings=SETTINGS | FAULTS, app_root=lab) as stack:
        with psycopg.connect(stack.database.urls().admin) as connection:
            connection.execute(LEDGER.read_bytes())
        yield Laboratory(stack)


@pytest.fixture
def platform_stack() -> Iterator[Stack]:
    """The platform itself on servers that belong to this test."""
    with _running_stack(settings=SETTINGS) as stack:
        yield stack


@contextmanager
def _running_stack(*, settings: Mapping[str, str], app_root: Path | None = None) -> Iterator[Stack]:
    with take_slot(ROOT / ".local" / "chaos") as slot:
        stack = Stack(ROOT, slot, Topology.STANDALONE, durable=False, app_root=app_root, settings=settings)
        stack.down()
        for part in stack.parts():
            part.discard_data()
        try:
            stack.up()
            yield stack
        except MissingProgram as missing:
            unavailable(missing)
        finally:
            stack.down()
