"""The engine and its model, side by side: what each of them has, and which belongs to which."""

import itertools
import json
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg

from core.errors import TransientError
from core.models.stage import FailurePolicy, Parallelism, Stage, TaskDefinition
from core.models.task import ClaimedTask
from core.ports import OutboxMessage
from core.schema.queue import QueueRole
from core.stage_results import StageResults
from infrastructure.repositories.sweeper import Sweeper
from jobs.base import JobBase
from tests.integration.engine.machine_under_test import NOW, QUEUES, CountingJob, Engine, Number, Plan
from tests.integration.engine.model import ModelJob, ModelTask
from tools.stack.database import DatabaseUrls

QUEUE = QUEUES[QueueRole.LEGACY_TASKS]
WINDOW = 2
LEASE = NOW.resolution * 3_600_000_000
POLICIES = {"fail_fast": 0, "allow_one": 1, "best_effort": None}

finalize_faults: dict[str, int] = {}


def _job_type(name: str, allowed: int | None) -> type[JobBase]:
    class ModelledJob(CountingJob):
        job_type = name
        stages = tuple(
            Stage(n, f"s{n}", "count", Parallelism.FAN_OUT, FailurePolicy(allowed)) for n in (1, 2, 3)
        )

        @classmethod
        def create_tasks_for_stage(
            cls, stage: int, parameters: Plan, previous: StageResults
        ) -> list[TaskDefinition]:
            # The last number is not a stage's: it makes the parameters, and so the job, the only ones.
            assert len(list(previous.each(Number))) == len(previous)
            return super().create_tasks_for_stage(stage, parameters, previous)

        @classmethod
        def finalize_job(cls, parameters: Plan, results: StageResults) -> dict[str, Any]:
            key = str(parameters.counts[-1])
            if finalize_faults.get(key):
                finalize_faults[key] -= 1
                raise TransientError("not now", code="TEST_FAILURE")
            return super().finalize_job(parameters, results)

    return ModelledJob


_STATE = """
SELECT (SELECT coalesce(jsonb_object_agg(job_id, jsonb_build_array(status, stage, (
            SELECT coalesce(jsonb_agg(jsonb_build_array(h -> 'stage', h -> 'task_index')
                                      ORDER BY h -> 'stage', h -> 'task_index'), '[]')
            FROM jsonb_array_elements(holes) h))), '{}') FROM app.jobs),
       (SELECT coalesce(jsonb_object_agg(job_id || '-' || number, status), '{}') FROM app.stages),
       (SELECT coalesce(jsonb_object_agg(job_id || '-' || stage, counts), '{}') FROM (
            SELECT s.job_id, s.number AS stage, jsonb_object_agg(c.status, c.number) AS counts
            FROM app.stages s, app.task_counts(s.job_id, s.number) c GROUP BY s.job_id, s.number) by_stage),
       (SELECT coalesce(jsonb_object_agg(task_id, jsonb_build_array(status, attempt, max_attempts)), '{}')
        FROM app.tasks),
       (SELECT coalesce(jsonb_object_agg(task_id, jsonb_build_array(job_id, stage, task_index)), '{}')
        FROM app.tasks)
"""


class BothSides:
    """What a state machine needs to do the same to both.

    Attributes:
        fault: what the handler raises next; None for nothing.
        messages: sent, and not yet delivered.
        claims: attempts that a worker has taken, with the run of the job that they belong to.
    """

    urls: DatabaseUrls
    connection: psycopg.Connection[tuple[Any, ...]]

    def __init__(self) -> None:
        super().__init__()
        self._execute("TRUNCATE app.jobs, app.stages, app.tasks, app.artefacts, app.outbox CASCADE")
        finalize_faults.clear()
        self.fault: Callable[[], Exception] | None = None
        types = [_job_type(name, allowed) for name, allowed in POLICIES.items()]
        self.engine = Engine(
            self.urls.app, handler=self._handle, job=types[0], more_jobs=types[1:], window=WINDOW, lease=LEASE
        )
        self.sweeper: Sweeper = self.engine.sweeper
        self.jobs: dict[str, ModelJob] = {}
        self.ids: dict[str, tuple[str, int, int]] = {}
        self.messages: list[OutboxMessage] = []
        self.claims: list[tuple[ClaimedTask, ModelJob, ModelTask, int]] = []
        self.numbers = itertools.count(1)

    def _handle(self, parameters: Number, context: None) -> Number:
        if self.fault is not None:
            raise self.fault()
        return parameters

    def _execute(self, statement: LiteralString) -> psycopg.Cursor[tuple[Any, ...]]:
        return self.connection.execute(statement)

    def _show(self) -> dict[str, dict[str, Any]]:
        """The engine's state, by the ids of jobs, stages and tasks; it also says which task is which."""
        row = self._execute(_STATE).fetchone()
        assert row is not None
        jobs, stages, counts, tasks, places = row
        self.ids = {task_id: (job_id, stage, n) for task_id, (job_id, stage, n) in places.items()}
        return {"jobs": jobs, "stages": stages, "counts": counts, "tasks": tasks}

    def _id_of(self, job: ModelJob, task: ModelTask) -> str:
        for task_id, (job_id, stage, n) in self.ids.items():
            if self.jobs[job_id] is job and job.stages[stage - 1].tasks[n] is task:
                return task_id
        raise LookupError

    def _task_of(self, message: OutboxMessage) -> tuple[ModelJob, ModelTask] | None:
        """The task of a message, if its job is at work."""
        place = self.ids.get(json.loads(message.body)["task_id"])
        if place is None or self.jobs[place[0]].status != "processing":
            return None
        job_id, stage, n = place
        job = self.jobs[job_id]
        return job, job.stages[stage - 1].tasks[n]

    def _tasks_by_status(self, *statuses: str) -> list[tuple[ModelJob, ModelTask]]:
        return [
            (job, task) for job in self.jobs.values() for _, task in job.tasks() if task.status in statuses
        ]

    def _unfinished(self) -> list[ModelJob]:
        return [job for job in self.jobs.values() if not job.is_terminal]

    def _job(self, which: int, *, terminal: bool = False) -> tuple[str, ModelJob]:
        found = [(job_id, job) for job_id, job in self.jobs.items() if job.is_terminal or not terminal]
        return found[which % len(found)]

    def _message(self, which: int, *, keep: bool, queue: str | None = None) -> OutboxMessage:
        found = [message for message in self.messages if queue in (None, message.queue)]
        message = found[which % len(found)]
        if not keep:
            self.messages.remove(message)
        return message
