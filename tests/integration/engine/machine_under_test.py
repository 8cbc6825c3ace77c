"""CoreMachine on a real database, with the broker's part played by the test: it sees every message."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict

from core.control import JobControl
from core.dispatcher import Dispatcher
from core.execution import ContextFactory, TaskExecutor
from core.leases import HeldLease, LeaseKeeper
from core.machine import Backoff, CoreMachine
from core.models.job import JobRecord
from core.models.stage import Parallelism, Stage, TaskDefinition
from core.models.task import ClaimedTask, WorkerIdentity
from core.orchestration_manager import OrchestrationManager
from core.ports import OutboxMessage
from core.registry import HandlerDefinition
from core.relay import Relay
from core.result_size import ResultSizer
from core.schema.queue import QueueRole
from core.stage_results import StageResults
from core.state_manager import StateManager
from core.submission import JobSubmission
from infrastructure.database import Database
from infrastructure.repositories.sweeper import Sweeper
from infrastructure.repositories.task_logs import TaskLogRepository
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin

QUEUES = {role: f"q-{role.value}" for role in QueueRole}
NOW = timedelta(0)


class Number(BaseModel):
    """Parameters and result of the test's tasks."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    n: int


class Plan(BaseModel):
    """How many tasks each stage has."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    counts: list[int]


class CountingJob(JobBaseMixin, JobBase):
    """Three stages with as many tasks as the parameters say."""

    job_type = "counting"
    description = "tasks by number"
    parameters_model = Plan
    stages = tuple(Stage(number, f"s{number}", "count", Parallelism.FAN_OUT) for number in (1, 2, 3))

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: Plan, previous: StageResults
    ) -> list[TaskDefinition]:
        return [TaskDefinition(Number(n=n), key=str(n)) for n in range(parameters.counts[stage - 1])]

    @classmethod
    def finalize_job(cls, parameters: Plan, results: StageResults) -> dict[str, Any]:
        return {"sum": sum(number.n for number in results.each(Number))}


class Recorder:
    """The sender: keeps what is sent, in order."""

    def __init__(self) -> None:
        self.messages: deque[OutboxMessage] = deque()

    def send(self, queue: str, messages: Sequence[OutboxMessage]) -> None:
        self.messages.extend(messages)


class DictResultStore:
    """Large results, in memory."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def put(self, claimed: ClaimedTask, content: bytes) -> str:
        uri = f"memory://{claimed.task_id}/{claimed.attempt}"
        self.contents[uri] = content
        return uri

    def get(self, uri: str) -> bytes:
        return self.contents[uri]


class QuietDispatcher(Dispatcher):
    """Releases when the test says so, and not by a thread of its own."""

    def wake(self, queue: str) -> None:
        pass


class Engine:
    """One process's engine, and the ways in which a test drives it."""

    def __init__(
        self,
        url: str,
        *,
        handler: Callable[[Number, None], Number] = lambda parameters, context: parameters,
        job: type[JobBase] = CountingJob,
        more_jobs: Sequence[type[JobBase]] = (),
        handlers: Mapping[str, HandlerDefinition] | None = None,
        context_factory: ContextFactory | None = None,
        lease: timedelta = timedelta(seconds=60),
        window: int = 1000,
        follow_on: timedelta = NOW,
    ) -> None:
        self.url = url
        self.sender = Recorder()
        self.ended: list[str] = []
        self.database = Database(url, jobs_queue=QUEUES[QueueRole.JOBS], on_promised=lambda ids: None)
        self.relay = Relay(self.database.unit_of_work, self.sender, statements=self.database.statement)
        own = HandlerDefinition("count", handler, Number, Number, QueueRole.LEGACY_TASKS)
        handlers = {"count": own} if handlers is None else handlers
        workflows: Mapping[str, Any] = {each.job_type: each for each in (job, *more_jobs)}
        orchestration = OrchestrationManager(
            jobs=workflows, handlers=handlers, queue_names=QUEUES, max_attempts=3
        )
        self.dispatcher = QuietDispatcher(self.database.unit_of_work, least_window=window)
        backoff = Backoff(timedelta(milliseconds=1), timedelta(milliseconds=2))
        self.results = DictResultStore()
        sizer = ResultSizer(self.results, limit_bytes=1000)
        state = StateManager(
            self.database.unit_of_work,
            orchestration,
            dispatcher=self.dispatcher,
            sizer=sizer,
            finalize_attempts=3,
            backoff=backoff,
        )
        self.machine = CoreMachine(
            state=state,
            dispatcher=self.dispatcher,
            tasks=self.database.tasks,
            leases=LeaseKeeper(self.database.tasks, lease=lease),
            executor=TaskExecutor(
                handlers,
                runner=lambda definition, parameters, context: definition.function(parameters, context),
                context_factory=context_factory or _no_context,
                sizer=sizer,
            ),
            task_logs=TaskLogRepository(self.database),
            identity=WorkerIdentity("app-under-test", "worker-1", lease),
            backoff=backoff,
            follow_on=follow_on,
            on_job_terminal=self.ended.append,
        )
        self.jobs = JobSubmission(
            workflows, self.database.unit_of_work, require_listeners=lambda job_types: None
        )
        self.control = JobControl(
            self.database.unit_of_work,
            orchestration,
            dispatcher=self.dispatcher,
            max_attempts=3,
            on_restart=lambda tx, job: None,
        )
        self.sweeper = Sweeper(
            self.database,
            task_silence=NOW,
            job_silence=NOW,
            advance=state.advance_stage,
            remove_artefact=lambda kind, location: None,
            keep_failed=NOW,
        )

    def submit(self, *counts: int) -> str:
        return self.jobs.submit("counting", {"counts": list(counts)}).job_id

    def deliver(self, message: OutboxMessage) -> None:
        process = (
            self.machine.process_job_message
            if message.queue == QUEUES[QueueRole.JOBS]
            else self.machine.process_task_message
        )
        process(message.body)

    def outbox(self) -> list[OutboxMessage]:
        """Let tasks out, and take what is promised out of the outbox, whether it is due or not."""
        self.dispatcher.release(QUEUES.values())
        with psycopg.connect(self.url) as connection:
            connection.execute("UPDATE app.outbox SET send_after = now() - interval '1 second'")
        self.relay.sweep()
        messages = list(self.sender.messages)
        self.sender.messages.clear()
        return messages

    def run(self) -> None:
        """Deliver until nothing is promised any more."""
        while messages := self.outbox():
            for message in messages:
                self.deliver(message)

    def job(self, job_id: str) -> JobRecord:
        with self.database.unit_of_work() as work:
            job = work.jobs.get(job_id)
        assert job is not None
        return job

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def _no_context(claimed: ClaimedTask, lease: HeldLease) -> Iterator[None]:
    yield None
