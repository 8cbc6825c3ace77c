"""The laboratory's settings."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class LabSettings(BaseSettings):
    """Shares (0 to 1) of sends that fail and of messages sent twice, and the seed of the chance."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="LAB_")

    send_failures: float = 0.0
    duplicates: float = 0.0
    seed: int = 1
