"""What the triggers use; `bootstrap.build` makes it, once per process."""

from collections.abc import Mapping
from dataclasses import dataclass

from config import Settings
from core.janitor import Janitor
from core.machine import CoreMachine
from core.ports import BlobStore
from core.registry import HandlerDefinition
from core.relay import Relay
from core.submission import JobSubmission
from core.workflow import Workflow
from geo_platform.router import PlatformRouter
from infrastructure.database import Database
from infrastructure.service_bus import ServiceBusAdapter


@dataclass(frozen=True, slots=True)
class Application:
    """The use-cases and the adapters, opened when they are first used."""

    settings: Settings
    database: Database
    storage: BlobStore
    broker: ServiceBusAdapter
    relay: Relay
    janitor: Janitor
    machine: CoreMachine
    job_submission: JobSubmission
    platform: PlatformRouter
    workflows: Mapping[str, Workflow]
    handlers: Mapping[str, HandlerDefinition]
