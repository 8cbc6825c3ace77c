"""Runs a job type from its parameters to its result: its own plan, the real handlers, no engine between."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import jobs.registry
import services.registry
from core.errors import AppError
from core.models.job import Hole
from core.models.stage import StoredResult
from core.ports import BlobStore
from core.registry import HandlerDefinition
from core.stage_results import StageResults
from services.context import TaskContext
from tests.blobs import Surroundings, surroundings

JOBS = jobs.registry.discover()
HANDLERS = services.registry.discover()


Runner = Callable[[HandlerDefinition, BaseModel, TaskContext], BaseModel]


def _call(definition: HandlerDefinition, parameters: BaseModel, context: TaskContext) -> BaseModel:
    return definition.function(parameters, context)


@dataclass
class JobRun:
    """The tasks of one job, one after the other, each with a workspace and a name of its own.

    `attempts` are the contexts that the tasks were given, with what they left in them. `run_task` is how a
    handler is called: here, unless somebody else is to do it.
    """

    workspace: Path
    storage: BlobStore
    attempts: list[Surroundings] = field(default_factory=list)
    run_task: Runner = _call

    def run(self, job_type: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The job's result, as JSON.

        Raises:
            AppError: what the first task raised that its stage's policy does not let pass.
        """
        job = JOBS[job_type]
        valid = job.validate_job_parameters(parameters)
        results, holes = StageResults.none(), list[Hole]()
        for stage in job.stages:
            stored = list(self._stage(job, stage, valid, results.after(holes)))
            holes += [one.hole for one in stored if one.hole is not None]
            results = StageResults.of(stage.number, stored)
        return job.finalize_job(valid, results)

    def _stage(self, job: Any, stage: Any, valid: Any, previous: StageResults) -> Iterator[StoredResult]:
        definitions = list(job.create_tasks_for_stage(stage.number, valid, previous))
        policy = job.failure_policy(stage.number, valid) or stage.failures
        allowed, failed = policy.allowed_of(len(definitions)), 0
        for index, definition in enumerate(definitions):
            task_id = f"{len(self.attempts):08}-s{stage.number}-{index:04}"
            try:
                result = self._task(stage.task_type, task_id, definition.parameters)
            except AppError as exc:
                failed += 1
                if allowed is not None and failed > allowed:
                    raise
                hole = Hole(stage=stage.number, task_index=index, task_key=definition.key, code=exc.code)
                yield StoredResult(task_id=task_id, task_index=index, hole=hole)
            else:
                yield StoredResult(task_id=task_id, task_index=index, result=result)

    def _task(self, task_type: str, task_id: str, parameters: Any) -> dict[str, Any]:
        around = surroundings(self.workspace / task_id, self.storage)
        self.attempts.append(around)
        context = replace(around.context, task_id=task_id)
        result = self.run_task(HANDLERS[task_type], parameters, context)
        stored: dict[str, Any] = result.model_dump(mode="json")
        return stored
