"""Names of the queues, and the way to the broker."""

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.defaults import QueueDefaults
from core.schema.queue import QueueRole


class QueueConfig(BaseSettings):
    """Service Bus: either a connection string (local) or a namespace reached by managed identity."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    connection_string: SecretStr | None = Field(
        None, validation_alias="SERVICE_BUS_CONNECTION", description="connection string; for the local stack"
    )
    namespace: str | None = Field(
        None,
        validation_alias="SERVICE_BUS_CONNECTION__fullyQualifiedNamespace",
        description="the namespace's host name, reached by managed identity",
    )
    jobs_queue: str = Field(
        QueueDefaults.JOBS_QUEUE, validation_alias="SERVICE_BUS_JOBS_QUEUE", description="orchestration"
    )
    raster_tasks_queue: str = Field(
        QueueDefaults.RASTER_TASKS_QUEUE,
        validation_alias="SERVICE_BUS_RASTER_TASKS_QUEUE",
        description="raster tasks",
    )
    vector_tasks_queue: str = Field(
        QueueDefaults.VECTOR_TASKS_QUEUE,
        validation_alias="SERVICE_BUS_VECTOR_TASKS_QUEUE",
        description="vector tasks",
    )
    legacy_tasks_queue: str = Field(
        QueueDefaults.LEGACY_TASKS_QUEUE,
        validation_alias="SERVICE_BUS_LEGACY_TASKS_QUEUE",
        description="all other tasks",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> "QueueConfig":
        if (self.connection_string is None) == (self.namespace is None):
            raise ValueError(
                "set exactly one of SERVICE_BUS_CONNECTION and "
                "SERVICE_BUS_CONNECTION__fullyQualifiedNamespace"
            )
        return self

    @property
    def names(self) -> dict[QueueRole, str]:
        """The queue of each role."""
        return {
            QueueRole.JOBS: self.jobs_queue,
            QueueRole.RASTER_TASKS: self.raster_tasks_queue,
            QueueRole.VECTOR_TASKS: self.vector_tasks_queue,
            QueueRole.LEGACY_TASKS: self.legacy_tasks_queue,
        }
