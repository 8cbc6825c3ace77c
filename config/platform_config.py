"""The Platform's face."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.defaults import PlatformDefaults


class PlatformConfig(BaseSettings):
    """What clients see, and what they may send."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    public_base_url: str = Field(
        "http://127.0.0.1:7071",
        validation_alias="PUBLIC_BASE_URL",
        description="what every URL in an answer begins with",
    )
    default_client_id: str = Field(
        "ddh_v1", validation_alias="DEFAULT_CLIENT_ID", description="who asks when a request does not say"
    )
    default_namespace: str = Field(
        "ddh", validation_alias="DEFAULT_NAMESPACE", description="the namespace of that client's datasets"
    )
    max_source_bytes: int = Field(
        50 * 2**30,
        gt=0,
        validation_alias="MAX_SOURCE_BYTES",
        description="the largest source that is accepted",
    )
    retired_grace_seconds: float = Field(
        PlatformDefaults.RETIRED_GRACE_SECONDS,
        ge=0,
        validation_alias="RETIRED_GRACE_SECONDS",
        description="how long tables and blobs of a replaced revision are kept for those who still read them",
    )
    http_auth_level: Literal["anonymous", "function"] = Field(
        "anonymous", validation_alias="HTTP_AUTH_LEVEL", description="whether callers need a function key"
    )
