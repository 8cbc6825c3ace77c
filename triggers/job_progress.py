"""How much of a job is done, in percent."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.models.stage import Parallelism


@dataclass(frozen=True, slots=True)
class StageCounts:
    """The tasks of an opened stage: all of them, those that are completed, and failures that are let pass."""

    task_count: int
    completed: int
    passed_failures: int = 0

    @property
    def share_done(self) -> float:
        """0 to 1, by tasks."""
        return (self.completed + self.passed_failures) / self.task_count if self.task_count else 1.0


def percent_done(opened: Sequence[StageCounts], kinds: Sequence[Parallelism]) -> int:
    """0 to 99, weighted by tasks; `opened` are the stages so far, `kinds` all that the job will have.

    It never goes back while a job runs: what a stage weighs is settled when it opens, out of what is left.
    Nobody knows yet how many tasks the stages after it have: a fan-out is taken to be as large as the
    largest stage so far. A retry takes back the work that it does anew.
    """
    done, remaining, largest = 0.0, 1.0, 1
    for position, stage in enumerate(opened):
        largest = max(largest, stage.task_count)
        ahead = sum(largest if kind is Parallelism.FAN_OUT else 1 for kind in kinds[position + 1 :])
        weight = remaining * stage.task_count / (stage.task_count + ahead) if ahead else remaining
        # Stages run one after the other: if there is a later one, this one is through.
        done += weight * (stage.share_done if position == len(opened) - 1 else 1.0)
        remaining -= weight
    return min(99, int(100 * done))
