"""A stack of its own for the chaos tests: they kill its parts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import unavailable
from tests.stack_fixtures.slots import take_slot
from tools.lab.laboratory import APP_ROOT, SHORT_PATIENCE, Laboratory
from tools.stack.errors import MissingProgram
from tools.stack.stack import Stack
from tools.stack.topology import Topology

ROOT = Path(__file__).resolve().parents[2]
FAULTS = {
    "LAB_SEND_FAILURES": "0.05",
    "LAB_ACCEPT_THEN_ERROR": "0.02",
    "LAB_DUPLICATES": "0.2",
    "LAB_SEED": "20251120",
}


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    """The laboratory's app on servers that belong to this test."""
    with _stack(settings={**SHORT_PATIENCE, **FAULTS}, app_root=APP_ROOT) as stack:
        laboratory = Laboratory(stack)
        laboratory.open()
        yield laboratory


@pytest.fixture
def platform_stack() -> Iterator[Stack]:
    """The platform itself on servers that belong to this test."""
    with _stack(settings=SHORT_PATIENCE) as stack:
        for part in stack.parts():
            part.discard_data()
        stack.up()
        yield stack


@contextmanager
def _stack(*, settings: Mapping[str, str], app_root: Path | None = None) -> Iterator[Stack]:
    """Stopped at first, in case an earlier run was killed, and at the end."""
    with take_slot(ROOT / ".local" / "chaos") as slot:
        stack = Stack(ROOT, slot, Topology.STANDALONE, durable=False, app_root=app_root, settings=settings)
        stack.down()
        try:
            yield stack
        except MissingProgram as missing:
            unavailable(missing)
        finally:
            stack.down()
