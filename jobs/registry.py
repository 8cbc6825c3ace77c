"""The registry of job types: `@register_job` fills it, `discover()` imports every module that does."""

import importlib
import pkgutil
from typing import TypeVar

import jobs
from core.registry import Registry
from jobs.base import JobBase

JobType = TypeVar("JobType", bound=type[JobBase])
ALL_JOBS: Registry[type[JobBase]] = Registry()


def register_job(job: JobType) -> JobType:
    """Class decorator: make a job type known under its `job_type`."""
    ALL_JOBS.add(job.job_type, job)
    return job


def discover() -> Registry[type[JobBase]]:
    """Import every module of this package. A module that fails to import stops the start."""
    for module in pkgutil.iter_modules(jobs.__path__):
        importlib.import_module(f"jobs.{module.name}")
    return ALL_JOBS
