"""What the tasks of `container_list` take and leave."""

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ContainerListParameters(_Model):
    """Which blobs: those of a container whose names begin and end so, at most `limit`."""

    container: str = Field("bronze", min_length=3, max_length=63, description="a zone: bronze or silver")
    prefix: str = Field("", max_length=1024, description="how the names begin")
    suffix: str = Field("", max_length=100, description="how the names end, such as .tif")
    limit: int = Field(1000, ge=1, le=10_000, description="the most blobs to look at")


class ListedBlobs(_Model):
    """Names in the order of the store; `is_truncated` when there are more than the limit."""

    names: tuple[str, ...]
    is_truncated: bool


class InspectBlobsParameters(_Model):
    """Some blobs of a container."""

    container: str
    names: tuple[str, ...]


class BlobDescription(_Model):
    """What the store says of a blob, and the format that its first bytes tell."""

    name: str
    extension: str
    size_bytes: int
    etag: str
    content_type: str
    format: str


class UnreadableBlob(_Model):
    """A blob that was listed and could not be read: it is gone, or its name is not one of ours."""

    name: str
    code: str


class InspectedBlobs(_Model):
    """One description for each blob that could be read."""

    blobs: tuple[BlobDescription, ...]
    unreadable: tuple[UnreadableBlob, ...] = ()
