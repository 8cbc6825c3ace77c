"""What clients send to have a failed request tried again."""

from typing import Any

from pydantic import ConfigDict, Field

from core.control import RetryScope
from geo_platform.retrying import RetryWish
from triggers.job_control import RetryBody, StageName


class RequestRetryBody(RetryBody):
    """What runs again, or with which options all of it does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: RetryScope | None = Field(
        None,
        description="of the job at which the request has failed: what failed (`failed_tasks`, unless"
        " something else is said), the stage in which it did, or all of it",
    )
    from_stage: StageName | None = Field(
        None,
        description="the number or the name of an earlier stage of that job, perhaps as `job_type/stage`: it"
        " and those after it are done anew",
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="laid over the request's `processing_config` (JSON Merge Patch): all is done anew, as the"
        " next revision",
    )

    @property
    def wish(self) -> RetryWish:
        """What the Platform is asked for."""
        return RetryWish(self.scope, self.from_stage, self.options)


class ResubmitBody(RequestRetryBody):
    """The same, with the request named in the body."""

    request_id: str = Field(
        max_length=128, description="its request_id (also with `plt_`), its dataset_key or a job_id"
    )
