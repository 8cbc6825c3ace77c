"""PostgreSQL: one database, three roles."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.defaults import DatabaseDefaults


class DatabaseConfig(BaseSettings):
    """URLs of the form `postgresql://role:password@host:port/database`.

    The application's role writes rows, the reader's role sees what is published. Migrations have a third
    role, their own URL and their own command; the application never holds it.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    url: SecretStr = Field(validation_alias="DATABASE_URL", description="the address for role `geo_app`")
    reader_url: SecretStr = Field(
        validation_alias="DATABASE_READER_URL", description="the address for role `geo_reader`, which serves"
    )
    pool_min: int = Field(
        DatabaseDefaults.POOL_MIN,
        ge=0,
        validation_alias="DATABASE_POOL_MIN",
        description="connections kept open per process",
    )
    pool_max: int = Field(
        DatabaseDefaults.POOL_MAX,
        ge=1,
        validation_alias="DATABASE_POOL_MAX",
        description="connections per process at most",
    )
    connect_seconds: float = Field(
        DatabaseDefaults.CONNECT_SECONDS,
        gt=0,
        validation_alias="DATABASE_CONNECT_SECONDS",
        description="how long to wait for a connection (seconds)",
    )
