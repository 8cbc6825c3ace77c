"""What stops a host from starting, and the exit codes that the supervising parent tells apart.

HostError
├── SettingsError     local.settings.json, host.json or an app setting is unusable
└── IndexingError     function_app.py does not import, or declares what this host cannot run
"""

from enum import IntEnum


class HostError(Exception):
    """The host cannot start; the message is for the person at the terminal."""


class SettingsError(HostError):
    """A settings file or an app setting is missing or malformed."""


class IndexingError(HostError):
    """The function app cannot be imported, or declares something that this host does not serve."""


class ExitCode(IntEnum):
    """Exit codes of a worker process."""

    OK = 0
    START_FAILED = 3
    DRAIN_INCOMPLETE = 74
    FUNCTION_TIMEOUT = 75
    PARENT_GONE = 76
