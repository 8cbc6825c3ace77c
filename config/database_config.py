"""PostgreSQL: one database, three roles."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.defaults import DatabaseDefaults


class DatabaseConfig(BaseSettings):
    """URLs of the form `postgresql://role:password@host:port/database`.

    `url` is for the application (role geo_app), `reader_url` for serving (role geo_reader). Migrations
    have their own URL and their own command; the application never holds it.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    url: SecretStr = Field(validation_alias="DATABASE_URL")
    reader_url: SecretStr = Field(validation_alias="DATABASE_READER_URL")
    pool_min: int = Field(DatabaseDefaults.POOL_MIN, ge=0, validation_alias="DATABASE_POOL_MIN")
    pool_max: int = Field(DatabaseDefaults.POOL_MAX, ge=1, validation_alias="DATABASE_POOL_MAX")
    connect_seconds: float = Field(
        DatabaseDefaults.CONNECT_SECONDS, gt=0, validation_alias="DATABASE_CONNECT_SECONDS"
    )
