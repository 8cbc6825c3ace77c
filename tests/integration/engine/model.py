"""What the engine promises, as a program without a database: the state machine test compares the two."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MAX_ATTEMPTS = 3
MAX_FINALIZE_ATTEMPTS = 3
OPEN = ("pending_queue", "queued", "processing", "pending_retry")
WAITING = ("pending_queue", "queued", "pending_retry")


@dataclass(slots=True)
class ModelTask:
    """One task; `effects` counts the results that were accepted since it was last planned or retried."""

    n: int
    status: str = "pending_queue"
    attempt: int = 0
    max_attempts: int = MAX_ATTEMPTS
    lease_expired: bool = False
    effects: int = 0

    def claim(self, *, waiting: bool = False) -> bool:
        """Take it under a lease; with `waiting` although it has not been let out."""
        due = self.status in ("queued", "pending_retry") or (
            self.status == "processing" and self.lease_expired
        )
        due = due or (waiting and self.status == "pending_queue")
        if not due or self.attempt >= self.max_attempts:
            return False
        self.status, self.attempt, self.lease_expired = "processing", self.attempt + 1, False
        return True

    def again(self) -> None:
        """Try it anew, with fresh attempts."""
        self.status, self.max_attempts, self.effects = "pending_queue", self.attempt + MAX_ATTEMPTS, 0


@dataclass(slots=True)
class ModelStage:
    """One opened stage."""

    tasks: list[ModelTask]
    is_open: bool = True


@dataclass(slots=True)
class ModelJob:
    """One job. `allowed` is how many tasks of each stage may fail, None any number; `run` counts starts."""

    counts: tuple[int, ...]
    allowed: int | None
    tenant: str
    priority: int
    finalize_faults: int
    status: str = "queued"
    stages: list[ModelStage] = field(default_factory=list)
    holes: list[tuple[int, int]] = field(default_factory=list)
    finalize_attempts: int = 0
    run: int = 1
    sum: int | None = None

    @property
    def is_terminal(self) -> bool:
        """Nothing changes it any more but an order."""
        return self.status in ("completed", "failed", "cancelled")

    def advance(self, completed_stage: int) -> None:
        """The word that a stage is complete (0: that the job was submitted); it may be stale."""
        if self.is_terminal or completed_stage != len(self.stages):
            return
        if self.stages:
            if self.stages[-1].is_open:
                return
            failed = self.failed_tasks()
            if self.allowed is not None and len(failed) > self.allowed:
                self.status = "failed"
                return
            earlier = [hole for hole in self.holes if hole[0] != completed_stage]
            self.holes = [*earlier, *((completed_stage, task.n) for task in failed)]
        self.status = "processing"
        for count in self.counts[completed_stage:]:
            self.stages.append(ModelStage([ModelTask(n) for n in range(count)], is_open=count > 0))
            if count:
                return
        self._finalize()

    def _finalize(self) -> None:
        if self.finalize_faults:
            self.finalize_faults -= 1
            self.finalize_attempts += 1
            if self.finalize_attempts >= MAX_FINALIZE_ATTEMPTS:
                self.status = "failed"
            return
        self.status = "completed"
        self.sum = sum(task.n for task in self.stages[-1].tasks if task.status == "completed")

    def failed_tasks(self) -> list[ModelTask]:
        """Those of the last stage."""
        return [task for task in self.stages[-1].tasks if task.status == "failed"]

    def finish(self, task: ModelTask, status: str) -> None:
        """End the present attempt of a task of the last stage."""
        task.status = status
        task.effects += status == "completed"
        if status == "pending_retry":
            return
        if status == "failed" and self.allowed is not None and len(self.failed_tasks()) > self.allowed:
            _end(task for task in self.stages[-1].tasks if task.status in WAITING)
        if not any(task.status in OPEN for task in self.stages[-1].tasks):
            self.stages[-1].is_open = False

    def cancel(self) -> bool:
        """End it; False when it has ended before."""
        if self.is_terminal:
            return False
        self.status = "cancelled"
        _end(task for _, task in self.tasks() if task.status in OPEN)
        return True

    def retry(self, scope: str) -> bool:
        """Run it again; False when it cannot be."""
        if self.status not in ("failed", "cancelled"):
            return False
        if scope == "all" or not self.stages:
            self.run += 1
            self.stages, self.status = [], "queued"
        else:
            self._reopen(
                [
                    task
                    for task in self.stages[-1].tasks
                    if scope == "stage" or task.status in ("failed", "cancelled")
                ]
            )
        self._forget_the_end()
        return True

    def retry_from(self, number: int) -> bool:
        """Go back to a stage; False when it cannot be."""
        if self.status not in ("failed", "cancelled") or number > max(1, len(self.stages)):
            return False
        if not self.stages:
            return self.retry("all")
        self.run += number < len(self.stages)
        del self.stages[number:]
        self._reopen(self.stages[-1].tasks)
        self._forget_the_end()
        return True

    def retry_task(self, task: ModelTask) -> bool:
        """Run one task again, and those that were cancelled; False when it cannot be."""
        if self.status not in ("failed", "cancelled") or task.status not in ("failed", "cancelled"):
            return False
        self._reopen([each for each in self.stages[-1].tasks if each is task or each.status == "cancelled"])
        self._forget_the_end()
        return True

    def _reopen(self, tasks: list[ModelTask]) -> None:
        for task in tasks:
            task.again()
        self.stages[-1].is_open = bool(tasks)
        self.status = "processing"

    def _forget_the_end(self) -> None:
        """The holes of the stages that stay closed are still holes."""
        closed = len(self.stages) - 1
        self.holes = [hole for hole in self.holes if hole[0] <= closed]
        self.finalize_attempts, self.sum = 0, None

    def tasks(self) -> Iterator[tuple[int, ModelTask]]:
        """All tasks, each with the number of its stage."""
        for number, stage in enumerate(self.stages, start=1):
            yield from ((number, task) for task in stage.tasks)


def _end(tasks: Iterable[ModelTask]) -> None:
    for task in list(tasks):
        task.status = "cancelled"
