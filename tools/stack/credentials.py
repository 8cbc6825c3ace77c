"""Passwords and keys of one stack: random, made once, readable by their owner only."""

import base64
import secrets

from tools.stack.state import StateDirectory

_RECORD = "secrets.json"


class Credentials:
    """Secrets by name; a name asked for the first time gets its secret then."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state

    def password(self, name: str) -> str:
        """A password that needs no quoting in URLs, SQL or shells."""
        return self._remembered(name, secrets.token_hex(16))

    def storage_key(self, name: str) -> str:
        """A key of the shape of a storage account's: 64 bytes in base64."""
        return self._remembered(name, base64.b64encode(secrets.token_bytes(64)).decode())

    def _remembered(self, name: str, fresh: str) -> str:
        record = self._state.read(_RECORD)
        if name not in record:
            record[name] = fresh
            self._state.write(_RECORD, record)
        return str(record[name])
