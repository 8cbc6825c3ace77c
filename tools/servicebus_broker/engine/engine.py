"""All queues of one data file."""

from collections.abc import Iterable

from tools.servicebus_broker.engine.definitions import QueueDefinition
from tools.servicebus_broker.engine.queue import Queue
from tools.servicebus_broker.engine.records import Clock
from tools.servicebus_broker.engine.storage import Storage

DEAD_LETTER_SUFFIX = "/$deadletterqueue"


class Engine:
    """The queues by lower-case path, dead-letter queues included; nothing is durable before commit()."""

    def __init__(self, definitions: Iterable[QueueDefinition], *, storage: Storage, clock: Clock) -> None:
        """Load every defined queue from storage; queues that are stored but not defined stay untouched."""
        self.queues: dict[str, Queue] = {}
        self._storage = storage
        for definition in definitions:
            name = definition.name.lower()
            dead_name = name + DEAD_LETTER_SUFFIX
            dead = Queue(definition, storage=storage, clock=clock, name=dead_name, dead_letters=None)
            self.queues[dead_name] = dead
            self.queues[name] = Queue(definition, storage=storage, clock=clock, name=name, dead_letters=dead)
        storage.commit()

    def advance(self) -> None:
        """Do what is due in every queue."""
        for queue in self.queues.values():
            queue.advance()

    def commit(self) -> None:
        """Make all changes durable. sqlite3.Error means that they are not, and that the broker must stop."""
        self._storage.commit()

    def close(self) -> None:
        """Commit and close the data file."""
        self._storage.close()

    def abort(self) -> None:
        """Close the data file as after a kill: uncommitted changes are lost."""
        self._storage.abort()
