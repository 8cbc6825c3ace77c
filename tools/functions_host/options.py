"""What the parent tells each worker process."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class HostOptions(BaseModel):
    """The command line, shared by the parent and its workers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: Path
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    settings_file: Path | None = None
    keys_file: Path | None = None
    timer_state_file: Path | None = None
    drain_seconds: float = Field(default=30.0, ge=0)
    log_format: str = Field(default="text", pattern="^(text|json)$")


class WorkerAssignment(BaseModel):
    """One worker's place among its siblings, and the descriptors it inherits from the parent.

    `listen_fd` is the shared listening socket, `ready_fd` the pipe on which the worker says once that it
    is ready, `parent_fd` the read end of a pipe that reaches end of file when the parent is gone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    options: HostOptions
    index: int = Field(ge=0)
    count: int = Field(ge=1)
    listen_fd: int
    ready_fd: int
    parent_fd: int
