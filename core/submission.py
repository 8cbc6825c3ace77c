"""Creating a job: validated, with a deterministic id, and with the message that starts it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import NotFound
from core.models.job import JobId, JobStatus, NewJob
from core.ports import Transactions, UnitOfWork
from core.schema.queue import JobSubmitMessage
from core.workflow import Workflow


@dataclass(frozen=True, slots=True)
class JobSubmitted:
    """The job's id, whether this call made it, and the state in which it was found otherwise."""

    job_id: JobId
    job_type: str
    created: bool
    existing_status: JobStatus | None = None


def create_job(
    tx: UnitOfWork,
    workflow: Workflow,
    parameters: Mapping[str, Any],
    *,
    seed: Mapping[str, Any] | None = None,
    tenant: str = "",
    priority: int = 0,
    platform_request_id: str | None = None,
    dataset_key: str | None = None,
) -> JobSubmitted:
    """Create a job in the caller's transaction, together with the promise of its first message.

    The same job type, parameters and seed give the same id, and the job is then created once. `tenant`
    is whose work it is, for fair shares; a higher `priority` (-100 to 100) goes first.

    Raises:
        InvalidRequest: the parameters do not fit the job type.
    """
    validated = workflow.validate_job_parameters(parameters)
    job_id = workflow.generate_job_id(validated, seed=seed)
    job = NewJob(
        job_id=job_id,
        job_type=workflow.job_type,
        parameters=validated.model_dump(mode="json"),
        total_stages=len(workflow.stages),
        metadata={"description": workflow.description},
        tenant=tenant,
        priority=priority,
        platform_request_id=platform_request_id,
        dataset_key=dataset_key,
    )
    if tx.jobs.create(job):
        tx.outbox.notify(JobSubmitMessage(job_id=job_id))
        return JobSubmitted(job_id, workflow.job_type, created=True)
    existing = tx.jobs.get(job_id)
    return JobSubmitted(
        job_id, workflow.job_type, created=False, existing_status=existing.status if existing else None
    )


class JobSubmission:
    """The internal door: a job of any registered type, with no dataset."""

    def __init__(
        self,
        jobs: Mapping[str, Workflow],
        transactions: Transactions,
        *,
        require_listeners: Callable[[Iterable[str]], None],
    ) -> None:
        self._jobs = jobs
        self._transactions = transactions
        self._require_listeners = require_listeners

    def submit(
        self, job_type: str, parameters: Mapping[str, Any], *, tenant: str = "", priority: int = 0
    ) -> JobSubmitted:
        """Create the job, or find the one that these parameters made before.

        Raises:
            NotFound: (UNKNOWN_JOB_TYPE) there is no such job type.
            InvalidRequest: the parameters do not fit.
            Unavailable: (NO_LISTENER_FOR_QUEUE) no living app would work on some of its tasks.
        """
        if (workflow := self._jobs.get(job_type)) is None:
            raise NotFound(
                f"There is no job type {job_type!r}.",
                code="UNKNOWN_JOB_TYPE",
                remedy="Choose one of the job types in context.job_types.",
                context={"job_types": sorted(self._jobs)},
            )
        workflow.validate_job_parameters(parameters)
        self._require_listeners([job_type])
        with self._transactions() as tx:
            return create_job(tx, workflow, parameters, tenant=tenant, priority=priority)
