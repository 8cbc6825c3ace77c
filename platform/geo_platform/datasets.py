"""What becomes of a submission for a dataset that may exist already, and the birth of its request."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from core.errors import ContractViolation
from geo_platform import identity
from geo_platform.admission import AdmittedSource
from geo_platform.bodies import default_processing
from geo_platform.chain import plan_context, start_step
from geo_platform.endpoints import Urls
from geo_platform.errors import IdentityConflict
from geo_platform.planner import chain_of
from geo_platform.ports import PlatformParts, PlatformUnitOfWork, Stores
from geo_platform.states import DatasetStatus, DataType, allowed_from
from geo_platform.submission import Submission
from infrastructure.repositories.datasets import DatasetRecord
from infrastructure.repositories.requests import NewRequest, RequestRecord

_ENDED_BADLY = (DatasetStatus.FAILED, DatasetStatus.CANCELLED)


class Decision(StrEnum):
    """What a submission does: the first request, another revision, or nothing new."""

    CREATE = "create"
    REVISE = "revise"
    REPLAY = "replay"


def decide(
    dataset: DatasetRecord, request: RequestRecord, submission: Submission, *, retry_failed: bool, urls: Urls
) -> Decision:
    """The duplicate-submit matrix of the contract; `request` is the dataset's present revision.

    Raises:
        IdentityConflict: the dataset lives, and it was asked for with another content.
    """
    same = _is_same(request, submission)
    status = DatasetStatus(dataset.status)
    if status is DatasetStatus.DELETED:
        return Decision.REVISE
    if status in _ENDED_BADLY:
        return Decision.REPLAY if same and not retry_failed else Decision.REVISE
    if same:
        return Decision.REPLAY
    raise _conflict(request, submission, urls)


def _is_same(request: RequestRecord, submission: Submission) -> bool:
    """A request of an older version lacks the options that have come since: it asked for their defaults."""
    if request.fingerprint == submission.fingerprint:
        return True
    names_blobs = submission.content != submission.summary  # they are known by the fingerprint alone
    return not names_blobs and _asked(request) == submission.summary


def _asked(request: RequestRecord) -> dict[str, Any]:
    default = default_processing(DataType(request.request_type))
    return {
        "request_type": request.request_type,
        "source_path": request.source_path,
        "processing_config": {**default, **request.processing_config},
    }


def _conflict(request: RequestRecord, submission: Submission, urls: Urls) -> IdentityConflict:
    differences = list(_differences(_asked(request), submission.summary)) or [_OTHER_BLOBS]
    return IdentityConflict(
        f"This dataset exists already, from another request ({request.status}).",
        remedy="Submit it under a new version_id, or send the same content again.",
        context={"request_id": request.request_id, "dataset_key": request.dataset_key},
        field_errors=differences,
        links=[{"rel": "existing", "href": urls.status(request.request_id)}],
    )


_OTHER_BLOBS = {
    "loc": "blob_paths",
    "msg": "exists with other blobs",
    "hint": "",
    "code": "IDENTITY_CONFLICT",
}


def _differences(
    stored: Mapping[str, Any], asked: Mapping[str, Any], place: str = ""
) -> Iterator[dict[str, str]]:
    for name in sorted({*stored, *asked}):
        before, now = stored.get(name), asked.get(name)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _differences(before, now, f"{place}{name}.")
        elif before != now:
            message = f"exists with {before!r}, asked for {now!r}"
            yield {"loc": f"{place}{name}", "msg": message, "hint": "", "code": "IDENTITY_CONFLICT"}


class DatasetOrchestrator:
    """Turns a submission into a request with its first job, once, whoever else submits it."""

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts

    def existing(
        self, stores: Stores, submission: Submission, *, retry_failed: bool
    ) -> tuple[Decision, RequestRecord | None]:
        """What this submission would do now, without a lock.

        Raises:
            IdentityConflict: see `decide`.
        """
        dataset = stores.datasets.get(submission.dataset_key)
        if dataset is None:
            return Decision.CREATE, None
        return self._decide(stores, dataset, submission, retry_failed=retry_failed)

    def submit(
        self, tx: PlatformUnitOfWork, submission: Submission, source: AdmittedSource, *, retry_failed: bool
    ) -> tuple[Decision, RequestRecord]:
        """Do it, under the lock on the dataset's row.

        Raises:
            IdentityConflict: see `decide`.
        """
        stores = Stores.of(tx)
        created = stores.datasets.insert(_new_dataset(submission))
        dataset = stores.datasets.lock(submission.dataset_key)
        if dataset is None:
            raise ContractViolation(f"the public name {submission.collection_id} belongs to another dataset")
        if created:
            return Decision.CREATE, self._begin(tx, submission, source, revision=1)
        decision, request = self._decide(stores, dataset, submission, retry_failed=retry_failed)
        if decision is Decision.REPLAY and request:
            return decision, request
        revision = dataset.revision + 1
        if dataset.status == DatasetStatus.DELETED:
            _move(stores, dataset.dataset_key, DatasetStatus.REQUESTED, reason="submitted again")
        if not stores.datasets.revise(
            dataset.dataset_key, revision=revision, data_type=submission.data_type.value
        ):
            raise ContractViolation(f"dataset {dataset.dataset_key} was revised under our lock")
        return decision, self._begin(tx, submission, source, revision=revision)

    def _decide(
        self, stores: Stores, dataset: DatasetRecord, submission: Submission, *, retry_failed: bool
    ) -> tuple[Decision, RequestRecord | None]:
        request = stores.requests.get(stores.requests.id_of_dataset(dataset.dataset_key) or "")
        if request is None:
            raise ContractViolation(f"dataset {dataset.dataset_key} has no request for its revision")
        urls = self._parts.options.urls
        return decide(dataset, request, submission, retry_failed=retry_failed, urls=urls), request

    def _begin(
        self, tx: PlatformUnitOfWork, submission: Submission, source: AdmittedSource, *, revision: int
    ) -> RequestRecord:
        stores = Stores.of(tx)
        new = _new_request(submission, source, revision=revision)
        stores.requests.insert(new)
        _move(stores, new.dataset_key, DatasetStatus.PROVISIONING, reason=f"request {new.request_id}")
        request = stores.requests.get(new.request_id)
        if request is None:
            raise ContractViolation(f"request {new.request_id} was not stored")
        chain = chain_of(submission.data_type, submission.summary["processing_config"])
        context = plan_context(request, self._parts.options, chain=chain, collection=submission.collection)
        start_step(self._parts, tx, request, context, step=0)
        return request


def _move(stores: Stores, dataset_key: str, status: DatasetStatus, *, reason: str) -> None:
    if not stores.datasets.move(dataset_key, status, allowed_from=allowed_from(status), reason=reason):
        raise ContractViolation(f"dataset {dataset_key} cannot become {status}")


def _new_dataset(submission: Submission) -> DatasetRecord:
    return DatasetRecord(
        dataset_key=submission.dataset_key,
        namespace=submission.namespace,
        identifiers=submission.identifiers,
        collection_id=submission.collection_id,
        data_type=submission.data_type.value,
        status=DatasetStatus.REQUESTED,
        revision=1,
        published_revision=None,
    )


def _new_request(submission: Submission, source: AdmittedSource, *, revision: int) -> NewRequest:
    config = submission.summary["processing_config"]
    return NewRequest(
        request_id=identity.request_id(submission.dataset_key, revision),
        dataset_key=submission.dataset_key,
        revision=revision,
        client_id=submission.client_id,
        client_request_id=submission.request.client_request_id,
        request_type=submission.data_type.value,
        source_path=submission.source_path,
        processing_config=config,
        original_request=submission.original,
        fingerprint=submission.fingerprint,
        job_chain=[step.entry for step in chain_of(submission.data_type, config)],
        processing_metadata={"source": source.metadata},
        status_message="Accepted; waiting for a worker.",
        **submission.identifiers,
    )
