"""How far a running request is, in percent and in words. Pure."""

from collections.abc import Sequence

from core.models.stage import Parallelism, Stage
from geo_platform.plan_context import Chain
from geo_platform.planner import share_done
from infrastructure.repositories.request_jobs import Features, OpenStage

_FAN_OUT_WEIGHT = 8
"""A stage that fans out does the work that its single neighbours only prepare and gather."""


def job_share(stage: OpenStage | None, declared: Sequence[Stage]) -> float:
    """How much of a job is done, 0 to 1: by its stages, the open one by what its tasks report."""
    if stage is None:
        return 0.0
    weights = [
        _FAN_OUT_WEIGHT if each.parallelism is Parallelism.FAN_OUT else 1
        for each in sorted(declared, key=lambda each: each.number)
    ]
    weights += [1] * (stage.number - len(weights))  # of a job type that this version does not know
    done = sum(weights[: stage.number - 1]) + weights[stage.number - 1] * stage_share(stage)
    return done / sum(weights)


def stage_share(stage: OpenStage) -> float:
    """How much of a stage is done, 0 to 1."""
    return 1.0 if stage.status == "closed" else min(stage.finished_share / max(stage.task_count, 1), 1.0)


def percent_of(chain: Chain, *, step: int, share: float) -> int:
    """Of a running request: 100 is kept for what is published."""
    return min(int(100 * share_done(chain, step=step, share=share)), 99)


def message_of(
    job_type: str, stage: OpenStage, declared: Sequence[Stage], *, features: Features | None = None
) -> str:
    """What is going on: "Creating tile COGs: tile 131 of 204".

    Where `features` are counted: "Loading features: 1,250,000 of 2,000,000".
    """
    known = next((each for each in declared if each.number == stage.number), None)
    activity = known.activity if known and known.activity else f"{job_type}: {stage.name}"
    if features and features.total:
        return f"{activity}: {features.done:,} of {features.total:,}{_pause(stage)}"
    return f"{activity}{_position(stage, known.noun if known else 'task')}{_pause(stage)}"


def _position(stage: OpenStage, noun: str) -> str:
    if stage.task_count > 1:
        number = min(stage.finished_count + 1, stage.task_count)
        failed = f", {stage.failed_count} failed" if stage.failed_count else ""
        return f": {noun} {number} of {stage.task_count}{failed}"
    percent = int(100 * stage_share(stage))
    return f": {percent} %" if 0 < percent < 100 else ""


def _pause(stage: OpenStage) -> str:
    if stage.running_count or stage.finished_count == stage.task_count:
        return ""
    return " (waiting to try again)" if stage.retrying_count else " (waiting for a worker)"
