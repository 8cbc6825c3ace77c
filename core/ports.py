"""What the core and the task handlers ask of the outside world. `infrastructure/` implements it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from core.models.job import Hole, JobRecord, NewJob
from core.models.results import ErrorDetail
from core.models.stage import Stage, StagePlan, StoredResult
from core.models.task import ClaimedTask, Completed, TaskRecord, TaskStatus, WorkerIdentity
from core.schema.queue import JobsQueueMessage

# -- the engine's state ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StageFailure:
    """The failed tasks of a closed stage: the first error, how many failed, how many may, and which."""

    error: ErrorDetail
    failed_count: int
    allowed_failures: int | None
    holes: tuple[Hole, ...]

    @property
    def fails_the_job(self) -> bool:
        """True when more have failed than the stage's policy allows."""
        return self.allowed_failures is not None and self.failed_count > self.allowed_failures


class JobStore(Protocol):
    """Statements on jobs and stages, inside the caller's transaction."""

    def create(self, job: NewJob) -> bool:
        """Insert the job; False when its id exists already (nothing is changed then)."""

    def get(self, job_id: str) -> JobRecord | None:
        """The job, or None."""

    def lock_for_advance(self, job_id: str, *, completed_stage: int) -> JobRecord | None:
        """Lock and return the job if it stands at `completed_stage` and that stage is closed.

        None when somebody else has advanced it already, or when it has ended.
        """

    def open_stage(self, job: JobRecord, stage: Stage, plan: StagePlan) -> int:
        """Move the job to `stage` and create its tasks, as they come; the number of tasks.

        A stage without tasks is closed at once. Its policy becomes a number when the tasks are counted.
        """

    def stage_failure(self, job_id: str, stage: int) -> StageFailure | None:
        """What went wrong in a closed stage, or None."""

    def add_holes(self, job_id: str, holes: Sequence[Hole]) -> None:
        """Note failed tasks that the job goes on without."""

    def count_results(self, job_id: str, stage: int) -> int:
        """How many tasks of a stage were completed."""

    def page_of_results(self, job_id: str, stage: int, *, after: int, limit: int) -> Sequence[StoredResult]:
        """Results of tasks with an index above `after`, by index, at most `limit`; failed ones as holes."""

    def complete(self, job_id: str, result: Mapping[str, Any]) -> bool:
        """Turn a processing job into a completed one; False when it was not processing."""

    def fail(self, job_id: str, error: ErrorDetail) -> bool:
        """Turn an unfinished job into a failed one; False when it had ended already."""

    def cancel(self, job_id: str, error: ErrorDetail) -> bool:
        """Turn an unfinished job into a cancelled one, and its open tasks; False when it had ended."""

    def lock(self, job_id: str) -> None:
        """Lock the job until the end of the transaction, if there is such a job."""

    def has_lost_results(self, job_id: str, *, before_stage: int) -> bool:
        """Whether something that a completed task of the stages before this one made has been swept."""

    def close_stage(self, job_id: str, stage: int) -> None:
        """Close an open stage all of whose tasks are done."""

    def restart_task(self, job_id: str, task_id: str, *, stage: int, attempts: int) -> bool:
        """Open an ended job again for one failed task of `stage`; False when there is none such."""

    def restart(self, job_id: str, *, stage: int, all_tasks: bool, attempts: int) -> int:
        """Open an ended job again at `stage` (0: from the start), which is not after the one where it ended;
        the number of tasks that run again. The stages after it are forgotten."""

    def count_finalize_attempt(self, job_id: str) -> int:
        """Add one to the attempts at finalizing, and return their number."""


class TaskStore(Protocol):
    """Statements on tasks, each a transaction of its own."""

    def claim(self, task_id: str, worker: WorkerIdentity) -> ClaimedTask | None:
        """Take the task under a lease; None when there is nothing to do (done, leased, not due, ended)."""

    def complete(
        self, claimed: ClaimedTask, result: Mapping[str, Any], *, take_for: WorkerIdentity | None
    ) -> Completed:
        """`finish` an attempt that has done its work, and in the same transaction take for this worker what
        waits behind it on its queue, unless somebody else waits there as well (ADR 20).

        Raises:
            ContractViolation: (STAGE_RESULT_INVALID) the result cannot be stored.
        """

    def finish(
        self,
        claimed: ClaimedTask,
        status: TaskStatus,
        *,
        result: Mapping[str, Any] | None = None,
        error: ErrorDetail | None = None,
        retry_after: timedelta | None = None,
    ) -> bool:
        """End this attempt, fenced by its number; False when the lease went to somebody else.

        The last task of a stage closes the stage and promises `stage_complete`, all in one transaction.
        """

    def renew(self, leases: Sequence[tuple[str, int, float]], *, lease: timedelta) -> set[str]:
        """Extend the leases of (task id, attempt, progress); the ids of those that are still held."""

    def list(self, job_id: str, *, stage: int | None, limit: int, offset: int) -> Sequence[TaskRecord]:
        """The tasks of a job by stage and index."""


class Outbox(Protocol):
    """Messages that leave when the transaction commits."""

    def notify(self, message: JobsQueueMessage, *, delay: timedelta | None = None) -> None:
        """Promise to send a message to the jobs queue, to be delivered after `delay`."""

    def release_tasks(self, queue: str, *, least_window: int) -> int:
        """Let waiting tasks out to their queue as far as its window allows, by fair shares; how many."""

    def read(self, ids: Sequence[int]) -> "Sequence[OutboxMessage]":
        """The messages of these ids that are still unsent, in order."""

    def take_due(self, *, limit: int) -> "Sequence[OutboxMessage]":
        """Lock messages that were left behind, in order; another relay takes others."""

    def delete(self, ids: Sequence[int]) -> None:
        """Forget messages that the broker has accepted."""

    def postpone(self, ids: Sequence[int], *, error: str) -> None:
        """Try these again later, with growing pauses."""


class Sweeper(Protocol):
    """The janitor's statements: each puts back in motion what was left lying, and counts the cases."""

    def dead_workers(self) -> int:
        """Put back in motion at once what processes had in hand that are gone; their number."""

    def expired_leases(self) -> int:
        """Queue the tasks again whose worker is gone."""

    def worn_out_tasks(self) -> int:
        """Fail the tasks whose worker is gone and whose attempts are used up (WORKER_LOST)."""

    def silent_tasks(self) -> int:
        """Send a message again for tasks that have waited too long."""

    def silent_jobs(self) -> int:
        """Advance jobs that were not started, or stand at a closed stage; it needs no message to arrive."""

    def lights_left_on(self) -> int:
        """Close open stages that have no open task."""

    def abandoned_artefacts(self) -> int:
        """Remove tables and blobs that nobody will publish."""


class UnitOfWork(Protocol):
    """One transaction. It commits when its `with` block ends well, and rolls back otherwise."""

    @property
    def jobs(self) -> JobStore: ...

    @property
    def outbox(self) -> Outbox: ...

    def savepoint(self) -> AbstractContextManager[object]:
        """A block that is undone alone when it raises."""


Transactions = Callable[[], AbstractContextManager[UnitOfWork]]


# -- the broker -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A promised message as the relay sends it. `deliver_after` is the broker's scheduled time."""

    outbox_id: int
    queue: str
    message_id: str
    body: bytes
    deliver_after: datetime | None = None


class MessageSender(Protocol):
    """The way to the broker."""

    def send(self, queue: str, messages: Sequence[OutboxMessage]) -> None:
        """Send all, in as few batches as the broker allows.

        Raises:
            TransientError: the broker does not answer or is busy; a later try may succeed.
            ContractViolation: the queue does not exist, access is refused, a message is too large.
        """


# -- what handlers use ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """What the store says of a blob. `uri` is `azure://container/path`.

    `md5` is what was stored with it (16 bytes), None where nobody did, and in listings.
    """

    uri: str
    size_bytes: int
    etag: str
    last_modified: datetime
    content_type: str = "application/octet-stream"
    md5: bytes | None = None


class BlobUpload(Protocol):
    """A new blob that is sent in blocks, in any order. Until `commit` it does not exist.

    What is not committed leaves nothing that could be seen; the store forgets it after some days.
    """

    def put(self, number: int, content: bytes) -> None:
        """Send block `number` (from 0), of at most 100 MiB; sent again, it replaces itself.

        The store compares what arrives with a checksum. Safe for use by several threads.

        Raises:
            TransientError: (STORAGE_TIMEOUT) the store does not answer.
        """

    def commit(self, count: int, *, md5: bytes) -> BlobInfo:
        """Make the blob, of the blocks 0 to `count` - 1; `md5` of the whole is stored with it.

        Raises:
            Conflict: (BLOB_EXISTS) the name is taken.
            TransientError: (STORAGE_TIMEOUT) the store does not answer.
        """


class BlobStore(Protocol):
    """Blob storage by URI (`azure://container/path`; `bronze/x.tif` is accepted for the same)."""

    def info(self, uri: str) -> BlobInfo:
        """Size and ETag of a blob.

        Raises:
            NotFound: (SOURCE_NOT_FOUND) there is no such blob.
            TransientError: (STORAGE_TIMEOUT) the store does not answer.
        """

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        """The blobs whose paths begin with `prefix`, by path, in pages while they are iterated.

        Whoever else writes to the container may use names that no other method here accepts.

        Raises:
            InvalidRequest: (SOURCE_FORBIDDEN) the container is none of ours.
            TransientError: (STORAGE_TIMEOUT) the store does not answer.
        """

    def download(self, uri: str, target: Path, *, etag: str | None = None) -> BlobInfo:
        """Copy a blob to a local file; with `etag`, only if it is unchanged.

        Raises:
            NotFound: (SOURCE_NOT_FOUND) there is no such blob.
            PermanentTaskError: (SOURCE_CHANGED) the blob is not the one with this ETag.
            TransientError: (STORAGE_TIMEOUT) the store does not answer.
        """

    def upload_new(self, source: Path, uri: str, *, content_type: str) -> BlobInfo:
        """Copy a local file to a blob that must not exist yet; names are immutable.

        Raises:
            Conflict: (BLOB_EXISTS) the name is taken.
            TransientError: (STORAGE_TIMEOUT) the store does not answer.
        """

    def begin_upload(self, uri: str, *, content_type: str) -> BlobUpload:
        """Begin a blob that is sent in blocks, while it is still being made."""

    def delete(self, uri: str) -> bool:
        """Remove a blob; False when there was none."""

    def open_range(self, uri: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of a blob, in chunks."""

    def gdal_path(self, uri: str) -> str:
        """The `/vsiaz/...` name of a blob."""

    def gdal_options(self) -> Mapping[str, str]:
        """The GDAL configuration that gives access to it; contains secrets, never log it."""


class ArtefactLog(Protocol):
    """The list of things that tasks make: written before the thing is made."""

    def stage_table(self, name: str, *, job_id: str, task_id: str, attempt: int) -> None:
        """Announce `staging.<name>`."""

    def stage_blob(
        self, uri: str, *, job_id: str, task_id: str, attempt: int, temporary: bool = False
    ) -> None:
        """Announce a blob. A `temporary` one serves the request's later tasks and is never published."""
