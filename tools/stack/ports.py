"""Free ports, chosen once and remembered, so that URLs stay the same over restarts."""

import random
import socket

from tools.stack.state import StateDirectory

_RECORD = "ports.json"
# Below the range from which Linux takes the local ports of outgoing connections (32768 and up):
# a remembered port would else be lost to a passing connection now and then.
_FIRST, _LAST = 20000, 32000


class PortBook:
    """The ports of the parts of one stack."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state

    def port(self, part: str) -> int:
        """The port remembered for `part`; chosen now where there is none."""
        return self._state.read(_RECORD).get(part) or self._choose(part)

    def claim(self, part: str) -> int:
        """The port to start `part` on: the remembered one, or another where somebody else took it."""
        remembered = self.port(part)
        return remembered if is_free(remembered) else self._choose(part)

    def _choose(self, part: str) -> int:
        ports = self._state.read(_RECORD)
        taken = set(ports.values())
        candidates = (random.randrange(_FIRST, _LAST) for _ in range(1000))  # noqa: S311  # no secret
        ports[part] = next(port for port in candidates if port not in taken and is_free(port))
        self._state.write(_RECORD, ports)
        return int(ports[part])


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket() as probe:
        # As servers do: connections of the last run in TIME_WAIT do not hinder, a listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether something listens on 127.0.0.1:port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
