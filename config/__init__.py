"""Settings: the only place that reads environment variables. Read once, by `bootstrap`."""

from functools import cached_property
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from config.app_mode_config import AppMode, AppModeConfig
from config.database_config import DatabaseConfig
from config.engine_config import EngineConfig
from config.platform_config import PlatformConfig
from config.queue_config import QueueConfig
from config.raster_config import RasterConfig
from config.storage_config import StorageConfig
from config.vector_config import VectorConfig
from core.errors import AppError

Group = TypeVar("Group", bound=BaseSettings)


class ConfigError(AppError):
    """A setting is missing or wrong; the message names the variables, never their values."""

    default_code = "CONFIG_ERROR"


class Settings:
    """All settings in groups, each read once, when it is first asked for."""

    @cached_property
    def app_mode(self) -> AppModeConfig:
        """Mode and name of this app."""
        return _read(AppModeConfig)

    @cached_property
    def queues(self) -> QueueConfig:
        """Queue names and the way to the broker."""
        return _read(QueueConfig)

    @cached_property
    def database(self) -> DatabaseConfig:
        """The database's URLs and pool."""
        return _read(DatabaseConfig)

    @cached_property
    def storage(self) -> StorageConfig:
        """Blob storage."""
        return _read(StorageConfig)

    @cached_property
    def engine(self) -> EngineConfig:
        """CoreMachine's times."""
        return _read(EngineConfig)

    @cached_property
    def platform(self) -> PlatformConfig:
        """The public base URL and the default client."""
        return _read(PlatformConfig)

    @cached_property
    def rasters(self) -> RasterConfig:
        """Which rasters are taken, and which are large."""
        return _read(RasterConfig)

    @cached_property
    def vectors(self) -> VectorConfig:
        """Which vector files are taken."""
        return _read(VectorConfig)


def _read(group: type[Group]) -> Group:
    try:
        return group()
    except ValidationError as exc:
        faults = [
            f"{'.'.join(str(part) for part in error['loc']) or group.__name__}: {error['msg']}"
            for error in exc.errors(include_url=False, include_input=False)
        ]
        raise ConfigError(
            "; ".join(faults), remedy="Set the variables named (docs/reference/settings.md)."
        ) from exc


__all__ = ["AppMode", "AppModeConfig", "ConfigError", "Settings"]
