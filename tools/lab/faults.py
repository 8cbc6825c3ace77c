"""A way to the broker that fails and repeats itself, by a seed."""

import random
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from core.errors import TransientError
from core.ports import MessageSender, OutboxMessage


class FaultySender:
    """Wraps the real sender: some sends fail, half of those after the broker has accepted them; some
    messages are sent twice, under another id, so that duplicate detection does not hide it.
    """

    def __init__(self, real: MessageSender, *, failures: float, duplicates: float, seed: int) -> None:
        self._real = real
        self._failures = failures
        self._duplicates = duplicates
        self._chance = random.Random(seed)  # noqa: S311  reproducible faults, no secret

    def send(self, queue: str, messages: Sequence[OutboxMessage]) -> None:
        """See `core.ports.MessageSender`."""
        fails = self._chance.random() < self._failures
        if fails and self._chance.random() < 0.5:
            raise TransientError("the laboratory lost a send", code="BROKER_UNAVAILABLE")
        again = [
            replace(message, message_id=str(uuid4()))
            for message in messages
            if self._chance.random() < self._duplicates
        ]
        self._real.send(queue, [*messages, *again])
        if fails:
            raise TransientError("the laboratory lost an acknowledgement", code="BROKER_UNAVAILABLE")
