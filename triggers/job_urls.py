"""The URLs of jobs, absolute as clients need them."""

from dataclasses import dataclass
from typing import Self

from triggers.application import Application


@dataclass(frozen=True, slots=True)
class JobUrls:
    """`base` is `PUBLIC_BASE_URL` without a slash at its end."""

    base: str

    @classmethod
    def of(cls, app: Application) -> Self:
        """As the app's settings say."""
        return cls(app.settings.platform.public_base_url.rstrip("/"))

    def jobs(self) -> str:
        """The list of jobs."""
        return f"{self.base}/api/jobs"

    def job(self, job_id: str) -> str:
        """A job."""
        return f"{self.jobs()}/{job_id}"

    def tasks(self, job_id: str) -> str:
        """The tasks of a job."""
        return f"{self.job(job_id)}/tasks"

    def task(self, job_id: str, task_id: str) -> str:
        """A task."""
        return f"{self.tasks(job_id)}/{task_id}"

    def logs(self, job_id: str, task_id: str) -> str:
        """What a task has logged."""
        return f"{self.task(job_id, task_id)}/logs"
