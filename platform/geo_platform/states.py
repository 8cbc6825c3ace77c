"""The states of datasets and requests, and the words that others use for them."""

from enum import StrEnum


class DataType(StrEnum):
    """What can be asked for: each has a chain in `planner`."""

    VECTOR = "vector"
    RASTER = "raster"
    LARGE_RASTER = "large_raster"
    RASTER_COLLECTION = "raster_collection"

    @classmethod
    def named(cls, text: str) -> "DataType | None":
        """The type of this name or alias; None when there is none."""
        name = DATA_TYPE_ALIASES.get(text, text)
        return cls(name) if name in list(cls) else None


DATA_TYPE_ALIASES = {"collection": "raster_collection", "mosaic": "raster_collection"}
"""Other names that clients may use; answers have the type's own."""


class Shape(StrEnum):
    """What a dataset is published as, which decides its endpoints: a raster may have become a mosaic."""

    TABLE = "table"
    COG = "cog"
    MOSAIC = "mosaic"


class RequestStatus(StrEnum):
    """The states of a request; `sql/schema/020_platform.sql` holds the same list as a CHECK."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        """True when nothing will change the request any more."""
        return self in (RequestStatus.COMPLETED, RequestStatus.FAILED)

    @property
    def ogc(self) -> str:
        """The word of OGC API - Processes (18-062r2, 7.11, `statusCode`)."""
        return _OGC[self]


_OGC = {
    RequestStatus.PENDING: "accepted",
    RequestStatus.PROCESSING: "running",
    RequestStatus.COMPLETED: "successful",
    RequestStatus.FAILED: "failed",
}


class DatasetStatus(StrEnum):
    """The states of a dataset; `sql/schema/020_platform.sql` holds the same list as a CHECK."""

    REQUESTED = "requested"
    PROVISIONING = "provisioning"
    PROCESSING = "processing"
    UPDATING = "updating"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEPRECATED = "deprecated"
    DELETED = "deleted"


_S = DatasetStatus
DATASET_TRANSITIONS: dict[DatasetStatus, frozenset[DatasetStatus]] = {
    _S.REQUESTED: frozenset({_S.PROVISIONING, _S.CANCELLED, _S.FAILED}),
    _S.PROVISIONING: frozenset({_S.PROCESSING, _S.FAILED, _S.CANCELLED}),
    _S.PROCESSING: frozenset({_S.READY, _S.FAILED, _S.CANCELLED}),
    _S.UPDATING: frozenset({_S.READY, _S.FAILED}),
    _S.READY: frozenset({_S.UPDATING, _S.DEPRECATED, _S.DELETED}),
    _S.FAILED: frozenset({_S.PROVISIONING, _S.DELETED}),
    _S.CANCELLED: frozenset({_S.PROVISIONING, _S.DELETED}),
    _S.DEPRECATED: frozenset({_S.READY, _S.DELETED}),
    _S.DELETED: frozenset({_S.REQUESTED}),
}


def allowed_from(target: DatasetStatus) -> frozenset[DatasetStatus]:
    """The states from which a dataset may become `target`."""
    return frozenset(state for state, targets in DATASET_TRANSITIONS.items() if target in targets)
