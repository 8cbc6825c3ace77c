"""CoreMachine's times and limits."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.defaults import EngineDefaults


class EngineConfig(BaseSettings):
    """CoreMachine: leases, attempts, pauses and the janitor's patience. Times are in seconds."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="ENGINE_")

    lease_seconds: float = Field(
        EngineDefaults.LEASE_SECONDS,
        gt=0,
        description="a worker that is silent for so long loses its task to another one",
    )
    max_attempts: int = Field(
        EngineDefaults.MAX_ATTEMPTS, ge=1, description="attempts per task, the first included"
    )
    retry_base_seconds: float = Field(
        EngineDefaults.RETRY_BASE_SECONDS,
        gt=0,
        description="the pause before the second attempt; it doubles each time",
    )
    retry_cap_seconds: float = Field(
        EngineDefaults.RETRY_CAP_SECONDS, gt=0, description="the longest pause between attempts"
    )
    finalize_attempts: int = Field(
        EngineDefaults.FINALIZE_ATTEMPTS,
        ge=1,
        description="tries to put a job's result together before the job fails",
    )
    least_window: int = Field(
        EngineDefaults.LEAST_WINDOW,
        ge=1,
        description="tasks that may be out on a queue at a time, at least",
    )
    follow_on_seconds: float = Field(
        EngineDefaults.FOLLOW_ON_SECONDS,
        ge=0,
        description="how long the worker of a message goes on with tasks that wait behind it; 0: not at all",
    )
    slots: int = Field(
        EngineDefaults.SLOTS,
        ge=1,
        validation_alias="AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls",
        description="tasks that this app works on at once, per queue; overrides host.json",
    )
    task_silence_seconds: float = Field(
        EngineDefaults.TASK_SILENCE_SECONDS,
        gt=0,
        description="after so long a waiting task's message is sent again; then after twice as long",
    )
    job_silence_seconds: float = Field(
        EngineDefaults.JOB_SILENCE_SECONDS, gt=0, description="the same for a job that waits to be advanced"
    )
    keep_failed_seconds: float = Field(
        EngineDefaults.KEEP_FAILED_SECONDS,
        ge=0,
        description="how long what a failed job has made is kept, so that it can be retried where it stopped",
    )
    sweep_schedule: str = Field(
        EngineDefaults.SWEEP_SCHEDULE, description="when the outbox is swept (NCRONTAB, seconds first)"
    )
    janitor_schedule: str = Field(
        EngineDefaults.JANITOR_SCHEDULE, description="when the janitor runs (NCRONTAB, seconds first)"
    )
