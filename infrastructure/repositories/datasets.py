"""`app.datasets`, one row per identity, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from infrastructure.queries import load

if TYPE_CHECKING:
    from infrastructure.database import Connection

_SQL = load("datasets")


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """The state of a dataset. `collection_id` is its public name, in OGC, in `geo` and in STAC."""

    dataset_key: str
    namespace: str
    identifiers: dict[str, str]
    collection_id: str
    data_type: str
    status: str
    revision: int
    published_revision: int | None


@dataclass(frozen=True, slots=True)
class PublishedData:
    """Where the published data are, what they are, and the address to use first."""

    data_locations: Mapping[str, Any]
    data_characteristics: Mapping[str, Any]
    api_endpoint: str
    api_type: str


@dataclass(frozen=True, slots=True)
class PublishedCollection:
    """A table of features as the serving apps find it; all names of tables are in the schema `geo`."""

    collection_id: str
    layer: str
    family: str | None
    title: str
    table_name: str
    generalised_name: str | None
    overview_name: str | None
    characteristics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PublishedMosaic:
    """A mosaic beside the first one of its dataset, as the serving apps find it."""

    collection_id: str
    title: str
    locations: Mapping[str, Any]
    characteristics: Mapping[str, Any]
    endpoints: Mapping[str, str]


class DatasetRepository:
    """Statements on datasets. A change answers False when the dataset was not in the state it needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, dataset: DatasetRecord) -> bool:
        """Create the dataset as `requested`; False when its key (or public name) is taken."""
        parameters = {
            "dataset_key": dataset.dataset_key,
            "namespace": dataset.namespace,
            "identifiers": Jsonb(dataset.identifiers),
            "collection_id": dataset.collection_id,
            "data_type": dataset.data_type,
        }
        return self._one("insert", parameters) is not None

    def get(self, dataset_key: str) -> DatasetRecord | None:
        """The dataset."""
        row = self._one("get", {"dataset_key": dataset_key})
        return DatasetRecord(**row) if row else None

    def lock(self, dataset_key: str) -> DatasetRecord | None:
        """The dataset, locked until the transaction ends."""
        row = self._one("lock", {"dataset_key": dataset_key})
        return DatasetRecord(**row) if row else None

    def move(self, dataset_key: str, status: str, *, allowed_from: Collection[str], reason: str = "") -> bool:
        """Change the status, if it is one of `allowed_from`, and remember the change in the history."""
        parameters = {
            "dataset_key": dataset_key,
            "status": status,
            "allowed_from": list(allowed_from),
            "reason": reason,
        }
        return self._one("move", parameters) is not None

    def revise(self, dataset_key: str, *, revision: int, data_type: str) -> bool:
        """Begin the next revision."""
        parameters = {"dataset_key": dataset_key, "revision": revision, "data_type": data_type}
        return self._one("revise", parameters) is not None

    def _one(self, name: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        return self._connection.execute(_SQL[name], parameters).fetchone()


class PublicationRepository:
    """The rows that make data visible to readers; all of them change in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self) -> None:
        """Raise the version of the catalogue, which tells the serving apps to look again.

        First in a publication: the lock on this row makes publications follow one another.
        """
        self._connection.execute(_SQL["raise_catalog_version"])

    def take_table(self, request_id: str, *, staged: str, published_as: str) -> bool:
        """Take a table out of the sweeper's reach; False when no job of the request staged it."""
        parameters = {"request_id": request_id, "location": staged, "published_as": published_as}
        return self._one("publish_table_artefact", parameters) is not None

    def retire(self, dataset_key: str, *, request_id: str) -> None:
        """Leave all that other revisions of the dataset have published to the sweeper, after a grace."""
        self._connection.execute(_SQL["retire"], {"dataset_key": dataset_key, "request_id": request_id})

    def replace_collections(
        self, dataset_key: str, collections: Sequence[PublishedCollection], *, request_id: str
    ) -> None:
        """Register the tables of this revision, in order; those of the one before are forgotten."""
        self._connection.execute(_SQL["forget_collections"], {"dataset_key": dataset_key})
        whose = {"dataset_key": dataset_key, "request_id": request_id}
        rows = [
            {**asdict(each), "characteristics": Jsonb(each.characteristics), "position": position, **whose}
            for position, each in enumerate(collections)
        ]
        self._connection.cursor().executemany(_SQL["add_collection"], rows)

    def replace_mosaics(
        self, dataset_key: str, mosaics: Sequence[PublishedMosaic], *, request_id: str
    ) -> None:
        """Register the mosaics of this revision beside its first; those of the one before are forgotten."""
        self._connection.execute(_SQL["forget_mosaics"], {"dataset_key": dataset_key})
        rows = [
            {
                "collection_id": each.collection_id,
                "dataset_key": dataset_key,
                "request_id": request_id,
                "position": position,
                "title": each.title,
                "locations": Jsonb(each.locations),
                "characteristics": Jsonb(each.characteristics),
                "endpoints": Jsonb(each.endpoints),
            }
            for position, each in enumerate(mosaics, start=1)
        ]
        self._connection.cursor().executemany(_SQL["add_mosaic"], rows)

    def publish_blobs(self, request_id: str) -> list[str]:
        """Publish all that the winning attempts of the request's tasks have staged for it; the URIs."""
        rows = self._connection.execute(_SQL["publish_blobs"], {"request_id": request_id})
        return [row["location"] for row in rows]

    def point_to(self, dataset_key: str, *, revision: int, data: PublishedData) -> bool:
        """Point readers to this revision's data."""
        parameters = {
            "dataset_key": dataset_key,
            "revision": revision,
            "data_locations": Jsonb(data.data_locations),
            "data_characteristics": Jsonb(data.data_characteristics),
            "api_endpoint": data.api_endpoint,
            "api_type": data.api_type,
        }
        return self._one("publish", parameters) is not None

    def _one(self, name: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        return self._connection.execute(_SQL[name], parameters).fetchone()
