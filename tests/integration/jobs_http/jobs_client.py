"""The HTTP functions of jobs over a real engine and database, called as the Functions worker calls them."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func

from config import Settings
from config.queue_config import QueueConfig
from config.storage_config import StorageConfig
from core.leases import HeldLease
from core.models.stage import FailurePolicy, Parallelism, Stage
from core.models.task import ClaimedTask
from core.registry import HandlerDefinition
from core.schema.queue import QueueRole
from core.task_log import collect, keep
from infrastructure.repositories.listeners import ListenerRepository
from infrastructure.repositories.task_logs import TaskLogRepository
from tests.integration.engine.machine_under_test import CountingJob, Engine, Number
from tests.unit.platform.http_requests import request
from tools.functions_host.function_index import index_functions
from tools.functions_host.routing import RouteTable
from tools.stack.database import DatabaseUrls
from triggers.application import Application
from triggers.jobs import jobs_blueprint

BASE = "https://hub.example"
LEASE = timedelta(seconds=60)


class CountingWithHoles(CountingJob):
    """Two tasks of the second stage may fail."""

    stages = (
        Stage(1, "plan", "count", Parallelism.FAN_OUT),
        Stage(2, "work", "count", Parallelism.FAN_OUT, FailurePolicy.allow(2)),
        Stage(3, "sum", "count", Parallelism.FAN_OUT),
    )


@dataclass
class JobsClient:
    """Calls functions by method and URL."""

    engine: Engine
    app: Application
    routes: RouteTable

    def get(self, url: str, **headers: str) -> func.HttpResponse:
        return self.call("GET", url, headers={name.replace("_", "-"): text for name, text in headers.items()})

    def call(
        self, method: str, url: str, *, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> func.HttpResponse:
        path = urlsplit(url).path
        found = self.routes.match(method, path)
        assert found, f"no function serves {method} {path}"
        route, values = found
        query = dict(parse_qsl(urlsplit(url).query))
        sent = request(method, path, body=body, headers=headers, query=query, route=values)
        answer = route.spec.call(**{route.spec.argument_name: sent})
        response: func.HttpResponse = asyncio.run(answer) if route.spec.is_async else answer
        return response

    def json(self, url: str, *, status: int = 200, **headers: str) -> Any:
        response = self.get(url, **headers)
        assert (response.status_code, response.mimetype) == (status, "application/json"), response.get_body()
        return json.loads(response.get_body())


@contextmanager
def client_on(urls: DatabaseUrls, **options: Any) -> Iterator[JobsClient]:
    """A client over an engine whose handlers' logs are kept."""
    store: list[TaskLogRepository] = []

    @contextmanager
    def keeping(claimed: ClaimedTask, lease: HeldLease) -> Iterator[None]:
        with collect(claimed) as log:
            try:
                yield None
            finally:
                keep(store[0], claimed, log)

    job = options.pop("job", CountingWithHoles)
    function = options.pop("handler", lambda parameters, context: parameters)
    handlers = {"count": HandlerDefinition("count", function, Number, Number, QueueRole.LEGACY_TASKS)}
    engine = Engine(urls.app, job=job, handlers=handlers, context_factory=keeping, **options)
    store.append(TaskLogRepository(engine.database))
    settings = Settings()
    settings.queues = QueueConfig.model_validate({"SERVICE_BUS_CONNECTION": "Endpoint=sb://127.0.0.1:1"})
    settings.storage = StorageConfig.model_validate(
        {"STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"}
    )
    settings.platform = settings.platform.model_copy(update={"public_base_url": BASE + "/"})
    app = SimpleNamespace(
        settings=settings,
        database=engine.database,
        job_control=engine.control,
        listeners=ListenerRepository(engine.database),
        workflows={job.job_type: job},
        handlers=handlers,
    )
    functions = func.FunctionApp()
    functions.register_functions(jobs_blueprint(cast("Application", app)))
    routes = RouteTable(index_functions(functions), prefix="")
    try:
        yield JobsClient(engine, cast("Application", app), routes)
    finally:
        engine.database.close()
