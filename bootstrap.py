"""The one composition root: settings -> adapters -> CoreMachine -> use-cases.

Everything is made here, once per process, and opened when it is first used. Tests call the same function
and hand in other parts.
"""

import _paths  # noqa: F401, I001  first: puts platform/ on the import path

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import jobs.registry
import services.registry
from config import Settings
from config.defaults import VERSION
from core.control import JobControl
from core.dispatcher import Dispatcher
from core.janitor import Janitor
from core.leases import HeldLease, LeaseKeeper
from core.listeners import Announcement, Announcer, ListenerCheck
from core.execution import ContextFactory, TaskExecutor
from core.machine import Backoff, CoreMachine
from core.models.task import ClaimedTask, WorkerIdentity
from core.orchestration_manager import OrchestrationManager
from core.ports import BlobStore, MessageSender
from core.vector_ports import VectorStore
from core.registry import HandlerDefinition, validate_registries
from core.relay import Relay
from core.result_size import ResultSizer
from core.state_manager import StateManager
from core.submission import JobSubmission
from core.workflow import Workflow
from geo_platform.completion import CompletionHandler
from geo_platform.ports import PlatformOptions, PlatformParts
from geo_platform.retrying import reopen_for
from geo_platform.router import PlatformRouter
from infrastructure.blob import AzureBlobStore
from infrastructure.database import Database
from infrastructure.processes import this_process
from infrastructure.repositories.listeners import ListenerRepository
from infrastructure.repositories.published_tables import publish_table
from infrastructure.repositories.retired import RetiredArtefacts
from infrastructure.repositories.sweeper import Sweeper
from infrastructure.repositories.task_logs import TaskLogRepository
from infrastructure.repositories.vectors import VectorRepository
from infrastructure.results import BlobResultStore
from infrastructure.service_bus import ServiceBusAdapter
from infrastructure.storage_account import FOR_CALLERS, FOR_TASKS, Patience, StorageAccount
from services.context import TaskContext
from services.isolation.runner import TaskRunner
from services.isolation.surroundings import Surroundings
from services.raster.rendering import known_colormaps
from triggers.application import Application

_LATE_LIBRARIES = ("pyogrio",)
"""What handlers import where they need it, so that apps start without; their children are born with it."""


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
    relay = Relay(database.unit_of_work, sender(_broker(settings)), statements=database.statement)
    promises.relay = relay
    results = BlobResultStore(task_storage, database.tasks, container=settings.storage.silver_container)
    engine = _engine(settings, database, workflows=workflows, handlers=handlers, sizer=ResultSizer(results))
    vectors = VectorRepository(database)
    job_control = JobControl(
        database.unit_of_work,
        engine.orchestration,
        dispatcher=engine.dispatcher,
        max_attempts=settings.engine.max_attempts,
        on_restart=reopen_for,
    )
    parts = PlatformParts(
        options=PlatformOptions(
            public_base_url=settings.platform.public_base_url,
            client_id=settings.platform.default_client_id,
            namespace=settings.platform.default_namespace,
            max_source_bytes=settings.platform.max_source_bytes,
            source_container=settings.storage.bronze_container,
            published_container=settings.storage.silver_container,
            raster_large_bytes=settings.rasters.large_bytes,
            raster_extra_formats=settings.rasters.extra_formats,
            vector_extra_formats=settings.vectors.extra_formats,
            collection_max_files=settings.rasters.collection_max_files,
            colormaps=known_colormaps,
        ),
        transactions=database.unit_of_work,
        storage=storage,
        patient_storage=task_storage,
        jobs=workflows,
        publish_table=publish_table,
        require_listeners=engine.require_listeners,
        retry_job=job_control.retry,
    )
    completion = CompletionHandler(parts)
    return Application(
        settings=settings,
        database=database,
        storage=storage,
        broker=_broker(settings),
        relay=relay,
        janitor=_janitor(
            settings,
            database,
            relay,
            state=engine.state,
            completion=completion,
            remove_artefact=_removal(vectors, task_storage),
            retired=RetiredArtefacts(
                database,
                grace=timedelta(seconds=settings.platform.retired_grace_seconds),
                remove_blob=task_storage.delete,
            ),
        ),
        dispatcher=engine.dispatcher,
        machine=_machine(
            settings,
            database,
            engine,
            executor=TaskExecutor(
                handlers,
                runner=TaskRunner(
                    surroundings=child_surroundings, handlers=handlers, preload=_LATE_LIBRARIES
                ),
                context_factory=_context_factory(database, task_storage, vectors),
                sizer=engine.sizer,
            ),
            on_job_terminal=completion.on_job_terminal,
        ),
        job_submission=JobSubmission(
            workflows, database.unit_of_work, require_listeners=engine.require_listeners
        ),
        job_control=job_control,
        listeners=engine.listeners,
        announcer=engine.announcer,
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


@dataclass(frozen=True, slots=True)
class _Engine:
    """The parts of CoreMachine that other parts need as well."""

    orchestration: OrchestrationManager
    dispatcher: Dispatcher
    state: StateManager
    listeners: ListenerRepository
    require_listeners: ListenerCheck
    announcer: Announcer
    sizer: ResultSizer


def _backoff(settings: Settings) -> Backoff:
    return Backoff(
        timedelta(seconds=settings.engine.retry_base_seconds),
        timedelta(seconds=settings.engine.retry_cap_seconds),
    )


def _engine(
    settings: Settings,
    database: Database,
    *,
    workflows: Mapping[str, Workflow],
    handlers: Mapping[str, HandlerDefinition],
    sizer: ResultSizer,
) -> _Engine:
    orchestration = OrchestrationManager(
        jobs=workflows,
        handlers=handlers,
        queue_names=settings.queues.names,
        max_attempts=settings.engine.max_attempts,
    )
    dispatcher = Dispatcher(database.unit_of_work, least_window=settings.engine.least_window)
    own_queues = tuple(sorted(settings.queues.names[role] for role in settings.app_mode.listens_to))
    listeners = ListenerRepository(database)
    return _Engine(
        orchestration=orchestration,
        dispatcher=dispatcher,
        state=StateManager(
            database.unit_of_work,
            orchestration,
            dispatcher=dispatcher,
            sizer=sizer,
            finalize_attempts=settings.engine.finalize_attempts,
            backoff=_backoff(settings),
        ),
        listeners=listeners,
        require_listeners=ListenerCheck(
            listeners, own_queues=set(own_queues), queues_of=orchestration.queues_of
        ),
        announcer=Announcer(
            listeners,
            Announcement(
                instance=this_process(),
                app_name=settings.app_mode.app_name,
                app_mode=settings.app_mode.mode.value,
                version=VERSION,
                queues=own_queues,
                slots=settings.engine.slots,
            ),
        ),
        sizer=sizer,
    )


def _machine(
    settings: Settings,
    database: Database,
    engine: _Engine,
    *,
    executor: TaskExecutor,
    on_job_terminal: Callable[[str], None],
) -> CoreMachine:
    lease = timedelta(seconds=settings.engine.lease_seconds)
    return CoreMachine(
        state=engine.state,
        tasks=database.tasks,
        leases=LeaseKeeper(database.tasks, lease=lease),
        dispatcher=engine.dispatcher,
        executor=executor,
        task_logs=TaskLogRepository(database),
        identity=WorkerIdentity(app_name=settings.app_mode.app_name, worker=this_process(), lease=lease),
        backoff=_backoff(settings),
        follow_on=timedelta(seconds=settings.engine.follow_on_seconds),
        on_job_terminal=on_job_terminal,
    )


def _janitor(
    settings: Settings,
    database: Database,
    relay: Relay,
    *,
    state: StateManager,
    completion: CompletionHandler,
    remove_artefact: Callable[[str, str], None],
    retired: RetiredArtefacts,
) -> Janitor:
    job_silence = timedelta(seconds=settings.engine.job_silence_seconds)
    sweeper = Sweeper(
        database,
        task_silence=timedelta(seconds=settings.engine.task_silence_seconds),
        job_silence=job_silence,
        advance=state.advance_stage,
        remove_artefact=remove_artefact,
        keep_failed=timedelta(seconds=settings.engine.keep_failed_seconds),
    )
    return Janitor(
        relay,
        {
            "dead_workers": sweeper.dead_workers,
            "expired_leases": sweeper.expired_leases,
            "worn_out_tasks": sweeper.worn_out_tasks,
            "silent_tasks": sweeper.silent_tasks,
            "silent_jobs": sweeper.silent_jobs,
            "lights_left_on": sweeper.lights_left_on,
            "ended_jobs": lambda: completion.catch_up(job_silence),
            "abandoned_artefacts": sweeper.abandoned_artefacts,
            "retired_artefacts": retired.sweep,
            "dead_listeners": ListenerRepository(database).forget_dead,
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
        with ExitStack() as stack:

            @cache
            def open_workspace() -> Path:
                directory = tempfile.TemporaryDirectory(prefix="task-", ignore_cleanup_errors=True)
                return Path(stack.enter_context(directory))

            yield TaskContext(
                job_id=claimed.job_id,
                task_id=claimed.task_id,
                attempt=claimed.attempt,
                open_workspace=open_workspace,
                storage=storage,
                vectors=vectors,
                artefacts=database.tasks,
                report=lease.report,
                is_cancelled=lease.lost.is_set,
            )

    return make


@contextmanager
def child_surroundings() -> Iterator[Surroundings]:
    """What a handler in a child process works with: adapters of its own, from the same settings."""
    settings = Settings()
    with Database(
        settings.database.url.get_secret_value(),
        pool_min=1,
        pool_max=2,
        connect_seconds=settings.database.connect_seconds,
        jobs_queue=settings.queues.jobs_queue,
        on_promised=lambda _ids: None,  # handlers promise nothing
    ) as database:
        yield Surroundings(
            storage=_storage(settings, FOR_TASKS),
            vectors=VectorRepository(database),
            artefacts=database.tasks,
        )
