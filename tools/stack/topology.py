"""Which apps the stack runs, as `APP_MODE` tells them apart."""

from dataclasses import dataclass
from enum import StrEnum

_CONCURRENCY = "AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls"
_ENGINE_CONNECTIONS = 8


class Topology(StrEnum):
    """STANDALONE: one app does everything. SPLIT: front door and workers are apps of their own."""

    STANDALONE = "standalone"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class App:
    """One Functions app; `part` is its name in the stack, `threads` the size of its pool.

    `concurrency` is how many messages of a queue it works on at once; None: as host.json says.
    """

    part: str
    mode: str
    threads: int
    concurrency: int | None = None

    @property
    def app_name(self) -> str:
        """What the app calls itself (APP_NAME)."""
        return f"geo-{self.part}"

    @property
    def settings(self) -> dict[str, str]:
        """The app settings by which one package suits each role, here as in Azure."""
        settings = {
            "APP_MODE": self.mode,
            "APP_NAME": self.app_name,
            "PYTHON_THREADPOOL_THREAD_COUNT": str(self.threads),
        }
        if self.concurrency is not None:
            settings[_CONCURRENCY] = str(self.concurrency)
            # As many tasks at once may each hold a connection, beside the engine's own threads.
            settings["DATABASE_POOL_MAX"] = str(self.concurrency + _ENGINE_CONNECTIONS)
        return settings


# The first app of a topology is the one that clients talk to.
APPS = {
    Topology.STANDALONE: (App("standalone", "standalone", threads=8),),
    Topology.SPLIT: (
        App("platform", "platform_only", threads=8),
        App("raster", "worker_raster", threads=2, concurrency=2),
        App("vector", "worker_vector", threads=32, concurrency=32),
    ),
}
