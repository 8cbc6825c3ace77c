"""CoreMachine's times and limits."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.defaults import EngineDefaults


class EngineConfig(BaseSettings):
    """Leases, attempts, backoff and the janitor's patience; see `EngineDefaults`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="ENGINE_")

    lease_seconds: float = Field(EngineDefaults.LEASE_SECONDS, gt=0)
    max_attempts: int = Field(EngineDefaults.MAX_ATTEMPTS, ge=1)
    retry_base_seconds: float = Field(EngineDefaults.RETRY_BASE_SECONDS, gt=0)
    retry_cap_seconds: float = Field(EngineDefaults.RETRY_CAP_SECONDS, gt=0)
    finalize_attempts: int = Field(EngineDefaults.FINALIZE_ATTEMPTS, ge=1)
    task_silence_seconds: float = Field(EngineDefaults.TASK_SILENCE_SECONDS, gt=0)
    job_silence_seconds: float = Field(EngineDefaults.JOB_SILENCE_SECONDS, gt=0)
    sweep_schedule: str = EngineDefaults.SWEEP_SCHEDULE
    janitor_schedule: str = EngineDefaults.JANITOR_SCHEDULE
