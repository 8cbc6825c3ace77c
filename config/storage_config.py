"""Azure Blob Storage."""

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.defaults import StorageDefaults


class StorageConfig(BaseSettings):
    """Either a connection string (local) or an account URL reached by managed identity."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    connection_string: SecretStr | None = Field(
        None,
        validation_alias="STORAGE_CONNECTION_STRING",
        description="connection string; for the local stack",
    )
    account_url: str | None = Field(
        None,
        validation_alias="STORAGE_ACCOUNT_URL",
        description="the blob endpoint, reached by managed identity",
    )
    bronze_container: str = Field(
        StorageDefaults.BRONZE,
        validation_alias="BRONZE_CONTAINER",
        description="sources: read, never written",
    )
    silver_container: str = Field(
        StorageDefaults.SILVER, validation_alias="SILVER_CONTAINER", description="what is published"
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> "StorageConfig":
        if (self.connection_string is None) == (self.account_url is None):
            raise ValueError("set exactly one of STORAGE_CONNECTION_STRING and STORAGE_ACCOUNT_URL")
        return self
