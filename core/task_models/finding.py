"""What is worth saying of a file that a client gave us, raster or vector."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Severity(StrEnum):
    """`error` refuses the file."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Finding(BaseModel):
    """One thing that a careful person would say of a file. `code` is in capitals and stable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=r"^[A-Z][A-Z0-9_]+$")
    severity: Severity
    message: str
    remedy: str = ""
    context: dict[str, Any] = Field(default_factory=dict)
