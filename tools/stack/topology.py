"""Which apps the stack runs, as `APP_MODE` tells them apart."""

from dataclasses import dataclass
from enum import StrEnum


class Topology(StrEnum):
    """STANDALONE: one app does everything. SPLIT: front door and workers are apps of their own."""

    STANDALONE = "standalone"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class App:
    """One Functions app; `part` is its name in the stack, `threads` the size of its pool."""

    part: str
    mode: str
    threads: int

    @property
    def app_name(self) -> str:
        """What the app calls itself (APP_NAME)."""
        return f"geo-{self.part}"


# The first app of a topology is the one that clients talk to.
APPS = {
    Topology.STANDALONE: (App("standalone", "standalone", threads=8),),
    Topology.SPLIT: (
        App("platform", "platform_only", threads=8),
        App("raster", "worker_raster", threads=2),
        App("vector", "worker_vector", threads=4),
    ),
}
