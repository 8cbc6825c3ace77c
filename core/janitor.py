"""The janitor: by timer, puts back in motion whatever a lost message or a lost worker left lying."""

import logging
from collections.abc import Callable, Mapping

from core.crashpoints import crashpoint
from core.relay import Relay

LOG = logging.getLogger(__name__)


class Janitor:
    """Runs the duties one after the other; one that fails does not keep the others from their turn."""

    def __init__(self, relay: Relay, duties: Mapping[str, Callable[[], int]]) -> None:
        self._duties = {**duties, "outbox_leftovers": relay.sweep}

    def run(self) -> dict[str, int]:
        """Do every duty once; the number of cases that each found, -1 for one that failed."""
        found = {}
        for name, duty in self._duties.items():
            found[name] = self._do(name, duty)
            crashpoint("janitor_between_duties")
        if any(found.values()):
            LOG.info("janitor found work", extra={"action": "janitor", **found})
        return found

    def _do(self, name: str, duty: Callable[[], int]) -> int:
        try:
            return duty()
        except Exception:
            LOG.exception("a janitor's duty failed", extra={"action": "janitor_failed", "duty": name})
            return -1
