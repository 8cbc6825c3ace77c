"""A way to the broker that fails, repeats itself, reorders and forgets, by a seed."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from core.errors import TransientError
from core.ports import MessageSender, OutboxMessage
from tools.lab.settings import LabSettings


class FaultySender:
    """Wraps the real sender; `LabSettings` says what goes wrong."""

    def __init__(self, real: MessageSender, faults: LabSettings) -> None:
        self._real = real
        self._faults = faults
        self._chance = random.Random(faults.seed)  # noqa: S311  reproducible faults, no secret

    def send(self, queue: str, messages: Sequence[OutboxMessage]) -> None:
        """See `core.ports.MessageSender`."""
        if self._happens(self._faults.send_failures):
            raise TransientError("the laboratory lost a send", code="BROKER_UNAVAILABLE")
        self._real.send(queue, self._disturbed(messages))
        if self._happens(self._faults.accept_then_error):
            raise TransientError("the laboratory lost an acknowledgement", code="BROKER_UNAVAILABLE")

    def _disturbed(self, messages: Sequence[OutboxMessage]) -> list[OutboxMessage]:
        kept = [message for message in messages if not self._is_dropped(message)]
        again = [
            replace(message, message_id=str(uuid4()))
            for message in kept
            if self._happens(self._faults.duplicates)
        ]
        result = [self._delayed(message) for message in [*kept, *again]]
        if self._faults.late:
            self._chance.shuffle(result)
        return result

    def _is_dropped(self, message: OutboxMessage) -> bool:
        if not self._faults.drop_stage_complete:
            return False
        return bool(json.loads(message.body)["message_type"] == "stage_complete")

    def _delayed(self, message: OutboxMessage) -> OutboxMessage:
        if not self._happens(self._faults.late):
            return message
        late = datetime.now(UTC) + timedelta(seconds=self._chance.random())
        return replace(message, deliver_after=max(late, message.deliver_after or late))

    def _happens(self, share: float) -> bool:
        return self._chance.random() < share
