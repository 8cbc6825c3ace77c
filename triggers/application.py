"""What the triggers use; `bootstrap.build` makes it, once per process."""

from collections.abc import Mapping
from dataclasses import dataclass

from config import Settings
from core.control import JobControl
from core.dispatcher import Dispatcher
from core.janitor import Janitor
from core.listeners import Announcer
from core.machine import CoreMachine
from core.ports import BlobStore
from core.registry import HandlerDefinition
from core.relay import Relay
from core.submission import JobSubmission
from core.workflow import Workflow
from geo_platform.router import PlatformRouter
from infrastructure.database import Database
from infrastructure.repositories.listeners import ListenerRepository
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
    dispatcher: Dispatcher
    machine: CoreMachine
    job_submission: JobSubmission
    job_control: JobControl
    listeners: ListenerRepository
    announcer: Announcer
    platform: PlatformRouter
    workflows: Mapping[str, Workflow]
    handlers: Mapping[str, HandlerDefinition]
