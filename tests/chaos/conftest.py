"""A stack of its own for the chaos tests: they kill its parts."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.chaos.laboratory import LEDGER, SETTINGS, Laboratory
from tests.conftest import unavailable
from tests.stack_fixtures.slots import take_slot
from tools.stack.errors import MissingProgram
from tools.stack.stack import Stack
from tools.stack.topology import Topology

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    """The laboratory's app on servers that belong to this test."""
    with take_slot(ROOT / ".local" / "chaos") as slot:
        stack = Stack(
            ROOT,
            slot,
            Topology.STANDALONE,
            durable=False,
            app_root=ROOT / "tools" / "lab" / "app",
            settings=SETTINGS,
        )
        stack.down()
        for part in stack.parts():
            part.discard_data()
        try:
            stack.up()
        except MissingProgram as missing:
            unavailable(missing)
        try:
            with psycopg.connect(stack.database.urls().admin) as connection:
                connection.execute(LEDGER.read_bytes())
            yield Laboratory(stack)
        finally:
            stack.down()
