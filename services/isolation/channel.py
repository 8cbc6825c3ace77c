"""The child's end of the channel to the host."""

import json
import socket

from services.isolation.orders import STOP

_STEP = 0.005  # of progress: at most 200 reports in all, however often the handler reports


class HostChannel:
    """Progress and records go out; the word to stop comes in. Never waits for the host to speak."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._reported = 0.0
        self._stopped = False

    def send(self, word: bytes) -> None:
        """Send a word; when the host is gone, nobody needs it."""
        try:
            self._channel.send(word)
        except (BrokenPipeError, ConnectionError):
            self._stopped = True

    def report(self, fraction: float) -> None:
        """Tell the progress (0 to 1), if it is worth telling."""
        if fraction >= self._reported + _STEP or (fraction >= 1.0 > self._reported):
            self._reported = fraction
            self.send(json.dumps({"progress": fraction}).encode())

    def is_stopped(self) -> bool:
        """True once the host has said so, or is gone."""
        if not self._stopped:
            try:
                word = self._channel.recv(len(STOP), socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            except ConnectionError:
                word = STOP
            self._stopped = word in (STOP, b"")
        return self._stopped
