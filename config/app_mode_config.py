"""`APP_MODE`: which triggers a deployment of the one package listens on."""

from enum import StrEnum

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.defaults import AppModeDefaults
from core.schema.queue import QueueRole


class AppMode(StrEnum):
    """The roles an app can be deployed in."""

    STANDALONE = "standalone"
    PLATFORM_RASTER = "platform_raster"
    PLATFORM_VECTOR = "platform_vector"
    PLATFORM_ONLY = "platform_only"
    WORKER_RASTER = "worker_raster"
    WORKER_VECTOR = "worker_vector"


_LISTENS: dict[AppMode, frozenset[QueueRole]] = {
    AppMode.STANDALONE: frozenset(QueueRole),
    AppMode.PLATFORM_RASTER: frozenset({QueueRole.JOBS, QueueRole.RASTER_TASKS}),
    AppMode.PLATFORM_VECTOR: frozenset({QueueRole.JOBS, QueueRole.VECTOR_TASKS}),
    AppMode.PLATFORM_ONLY: frozenset({QueueRole.JOBS}),
    AppMode.WORKER_RASTER: frozenset({QueueRole.RASTER_TASKS}),
    AppMode.WORKER_VECTOR: frozenset({QueueRole.VECTOR_TASKS}),
}


class AppModeConfig(BaseSettings):
    """The mode and name of this app. Every mode answers HTTP."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    mode: AppMode = Field(
        AppMode(AppModeDefaults.MODE),
        validation_alias="APP_MODE",
        description="which queues this app listens to",
    )
    app_name: str = Field(
        AppModeDefaults.APP_NAME,
        validation_alias="APP_NAME",
        min_length=1,
        description="the name by which tasks tell which app ran them",
    )

    @property
    def listens_to(self) -> frozenset[QueueRole]:
        """The queues that this app has triggers for."""
        return _LISTENS[self.mode]

    @property
    def is_platform(self) -> bool:
        """True when this app orchestrates jobs."""
        return QueueRole.JOBS in self.listens_to

    @property
    def is_worker(self) -> bool:
        """True when this app does nothing but tasks."""
        return not self.is_platform
