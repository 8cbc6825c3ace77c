"""Vectors: which are taken."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class VectorConfig(BaseSettings):
    """Which vector files are taken."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    extra_formats: bool = Field(
        default=False,
        validation_alias="VECTOR_EXTRA_FORMATS",
        description="whether GML and DXF are taken as well",
    )
