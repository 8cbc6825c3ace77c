"""The laboratory's settings."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class LabSettings(BaseSettings):
    """The faults on the way to the broker; shares are from 0 to 1, and chance goes by the seed."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="LAB_")

    send_failures: float = 0.0
    """Sends that fail before the broker has seen them."""
    accept_then_error: float = 0.0
    """Sends that fail after the broker has accepted them."""
    duplicates: float = 0.0
    """Messages sent twice, under another id, so that duplicate detection does not hide it."""
    late: float = 0.0
    """Messages that others overtake: delivered up to a second late; the rest of a batch is shuffled."""
    drop_stage_complete: bool = False
    """Throw every stage_complete message away, and say that it was sent."""
    seed: int = 1
    crash_order: Path | None = None
    """Where an order to die at a crash point will stand; see `tools.lab.crashes`."""

    @property
    def is_faulty(self) -> bool:
        """Whether there is any fault at all."""
        shares = (self.send_failures, self.accept_then_error, self.duplicates, self.late)
        return self.drop_stage_complete or any(shares)
