"""The one composition root: settings -> adapters -> CoreMachine -> use-cases.

Everything is made here, once per process, and opened when it is first used. Tests call the same function
and hand in other parts.
"""

import _paths  # noqa: F401, I001  first: puts platform/ on the import path

import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import jobs.registry
import services.registry
from config import Settings
from core.janitor import Janitor
from core.leases import HeldLease, LeaseKeeper
from core.machine import Backoff, ContextFactory, CoreMachine, WorkerIdentity
from core.models.task import ClaimedTask
from core.orchestration_manager import OrchestrationManager
from core.ports import BlobStore, MessageSender, VectorStore
from core.registry import HandlerDefinition, validate_registries
from core.relay import Relay
from core.state_manager import StateManager
from core.submission import JobSubmission
from core.workflow import Workflow
from geo_platform.completion import CompletionHandler
from geo_platform.ports import PlatformOptions, PlatformParts
from geo_platform.router import PlatformRouter
from infrastructure.blob import AzureBlobStore
from infrastructure.database import Database
from infrastructure.repositories.sweeper import Sweeper
from infrastructure.repositories.vectors import VectorRepository, publish_table
from infrastructure.service_bus import ServiceBusAdapter
from infrastructure.storage_account import FOR_CALLERS, FOR_TASKS, Patience, StorageAccount
from services.context import TaskContext
from triggers.application import Application


def build(
    settings: Settings,
    *,
    workflows: Mapping[str, Workflow] | None = None,
    handlers: Mapping[str, HandlerDefinition] | None = None,
    sender: Callable[[MessageSender], MessageSender] = lambda real: real,
) -> Application:
    """The application of these settings.

    `workflows` and `handlers` replace the discovered registries; `sender` may wrap the way to the broker.

    Raises:
        ConfigError: a setting is missing or wrong.
        ContractViolation: a registry is broken: a module fails, a name stands twice, a handler is missing.
    """
    workflows = jobs.registry.discover() if workflows is None else workflows
    handlers = services.registry.discover() if handlers is None else handlers
    validate_registries(workflows, handlers)

    storage = _storage(settings, FOR_CALLERS)
    task_storage = _storage(settings, FOR_TASKS)
    promises = _Promises()
    database = _database(settings, promises)
    relay = Relay(database.unit_of_work, sender(_broker(settings)))
    promises.relay = relay
    vectors = VectorRepository(database)
    parts = PlatformParts(
        options=PlatformOptions(
            public_base_url=settings.platform.public_base_url,
            client_id=settings.platform.default_client_id,
            namespace=settings.platform.default_namespace,
            max_source_bytes=settings.platform.max_source_bytes,
            source_container=settings.storage.bronze_container,
            published_container=settings.storage.silver_container,
        ),
        transactions=database.unit_of_work,
        storage=storage,
        jobs=workflows,
        publish_table=publish_table,
    )
    completion = CompletionHandler(parts)
    return Application(
        settings=settings,
        database=database,
        storage=storage,
        broker=_broker(settings),
        relay=relay,
        janitor=_janitor(settings, database, relay, completion, _removal(vectors, task_storage)),
        machine=_machine(
            settings,
            database,
            workflows=workflows,
            handlers=handlers,
            context_factory=_context_factory(database, task_storage, vectors),
            on_job_terminal=completion.on_job_terminal,
        ),
        job_submission=JobSubmission(workflows, database.unit_of_work),
        platform=PlatformRouter(parts),
        workflows=workflows,
        handlers=handlers,
    )


class _Promises:
    """Ties the knot between the database, which hears of promises, and the relay, which reads them."""

    relay: Relay

    def __call__(self, ids: Sequence[int]) -> None:
        self.relay.promised(ids)


def _broker(settings: Settings) -> ServiceBusAdapter:
    secret = settings.queues.connection_string
    return ServiceBusAdapter(
        connection_string=secret.get_secret_value() if secret else None, namespace=settings.queues.namespace
    )


def _storage(settings: Settings, patience: Patience) -> AzureBlobStore:
    storage = settings.storage
    secret = storage.connection_string
    account = StorageAccount(
        connection_string=secret.get_secret_value() if secret else None,
        account_url=storage.account_url,
        patience=patience,
    )
    return AzureBlobStore(
        account,
        readable=frozenset({storage.bronze_container, storage.silver_container}),
        writable=frozenset({storage.silver_container}),
    )


def _database(settings: Settings, on_promised: Callable[[Sequence[int]], None]) -> Database:
    return Database(
        settings.database.url.get_secret_value(),
        pool_min=settings.database.pool_min,
        pool_max=settings.database.pool_max,
        connect_seconds=settings.database.connect_seconds,
        jobs_queue=settings.queues.jobs_queue,
        on_promised=on_promised,
    )


def _machine(
    settings: Settings,
    database: Database,
    *,
    workflows: Mapping[str, Workflow],
    handlers: Mapping[str, HandlerDefinition],
    context_factory: ContextFactory,
    on_job_terminal: Callable[[str], None],
) -> CoreMachine:
    engine = settings.engine
    lease = timedelta(seconds=engine.lease_seconds)
    backoff = Backoff(
        timedelta(seconds=engine.retry_base_seconds), timedelta(seconds=engine.retry_cap_seconds)
    )
    orchestration = OrchestrationManager(
        jobs=workflows,
        handlers=handlers,
        queue_names=settings.queues.names,
        max_attempts=engine.max_attempts,
    )
    return CoreMachine(
        state=StateManager(
            database.unit_of_work, orchestration, finalize_attempts=engine.finalize_attempts, backoff=backoff
        ),
        tasks=database.tasks,
        leases=LeaseKeeper(database.tasks, lease=lease),
        handlers=handlers,
        context_factory=context_factory,
        identity=WorkerIdentity(
            app_name=settings.app_mode.app_name, worker=f"{socket.gethostname()}:{os.getpid()}", lease=lease
        ),
        backoff=backoff,
        on_job_terminal=on_job_terminal,
    )


def _janitor(
    settings: Settings,
    database: Database,
    relay: Relay,
    completion: CompletionHandler,
    remove_artefact: Callable[[str, str], None],
) -> Janitor:
    job_silence = timedelta(seconds=settings.engine.job_silence_seconds)
    sweeper = Sweeper(
        database,
        task_silence=timedelta(seconds=settings.engine.task_silence_seconds),
        job_silence=job_silence,
        remove_artefact=remove_artefact,
    )
    return Janitor(
        relay,
        {
            "expired_leases": sweeper.expired_leases,
            "worn_out_tasks": sweeper.worn_out_tasks,
            "silent_tasks": sweeper.silent_tasks,
            "silent_jobs": sweeper.silent_jobs,
            "lights_left_on": sweeper.lights_left_on,
            "ended_jobs": lambda: completion.catch_up(job_silence),
            "abandoned_artefacts": sweeper.abandoned_artefacts,
        },
    )


def _removal(vectors: VectorStore, storage: BlobStore) -> Callable[[str, str], None]:
    def remove(kind: str, location: str) -> None:
        if kind == "table":
            vectors.drop_staging_table(location)
        else:
            storage.delete(location)

    return remove


def _context_factory(database: Database, storage: BlobStore, vectors: VectorStore) -> ContextFactory:
    @contextmanager
    def make(claimed: ClaimedTask, lease: HeldLease) -> Iterator[TaskContext]:
        with tempfile.TemporaryDirectory(prefix="task-", ignore_cleanup_errors=True) as workspace:
            yield TaskContext(
                job_id=claimed.job_id,
                task_id=claimed.task_id,
                attempt=claimed.attempt,
                workspace=Path(workspace),
                storage=storage,
                vectors=vectors,
                artefacts=database.tasks,
                report=lease.report,
                is_cancelled=lease.lost.is_set,
            )

    return make
