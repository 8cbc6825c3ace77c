"""The Platform's face."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PlatformConfig(BaseSettings):
    """`public_base_url` is what every URL in an answer begins with."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    public_base_url: str = Field("http://127.0.0.1:7071", validation_alias="PUBLIC_BASE_URL")
    default_client_id: str = Field("ddh_v1", validation_alias="DEFAULT_CLIENT_ID")
    default_namespace: str = Field("ddh", validation_alias="DEFAULT_NAMESPACE")
    max_source_bytes: int = Field(50 * 2**30, gt=0, validation_alias="MAX_SOURCE_BYTES")
    http_auth_level: Literal["anonymous", "function"] = Field("anonymous", validation_alias="HTTP_AUTH_LEVEL")
