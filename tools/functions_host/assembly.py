"""Build the parts of a worker from what was loaded: the HTTP application, the listeners, the timers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from tools.functions_host.connections import Connections
from tools.functions_host.function_index import FunctionSpec, TriggerKind, enabled, index_functions, load_app
from tools.functions_host.host_json import HostJson, read_host_json
from tools.functions_host.http_front import HttpFront, HttpLimits
from tools.functions_host.invocation import Invoker
from tools.functions_host.keys import AccessKeys, read_keys
from tools.functions_host.logs import apply_levels, configure_logging, yield_root_to_app
from tools.functions_host.options import WorkerAssignment
from tools.functions_host.queue_listener import ListenerLimits, QueueListener
from tools.functions_host.routing import RouteTable
from tools.functions_host.schedules import parse_schedule
from tools.functions_host.settings import (
    LocalSettings,
    apply_to_environment,
    is_true,
    positive_int,
    read_local_settings,
    resolve_names,
)
from tools.functions_host.timers import Timer, TimerMonitor

DEFAULT_BODY_LIMIT_BYTES = 104_857_600
"""FUNCTIONS_REQUEST_BODY_SIZE_LIMIT when it is not set."""


@dataclass(frozen=True, slots=True)
class LoadedApp:
    """Everything that is read before the first request."""

    assignment: WorkerAssignment
    host: HostJson
    local: LocalSettings
    keys: AccessKeys | None
    specs: list[FunctionSpec]
    routes: RouteTable

    def of(self, kind: TriggerKind) -> list[FunctionSpec]:
        """The enabled functions with that trigger."""
        return [spec for spec in self.specs if spec.kind is kind]


def load(assignment: WorkerAssignment) -> LoadedApp:
    """Settings, then the app, in the order of the Azure host. Raises HostError when it cannot start."""
    options = assignment.options
    local = read_local_settings(options.root, options.settings_file)
    apply_to_environment(local)
    handler = configure_logging(options.log_format, worker=str(assignment.index))
    host = read_host_json(options.root, os.environ)
    apply_levels(handler, host.logging.log_level)
    keys = read_keys(options.keys_file)
    specs = enabled(index_functions(load_app(options.root)), os.environ)
    yield_root_to_app(handler)
    http = [spec for spec in specs if spec.kind is TriggerKind.HTTP]
    routes = RouteTable(http, prefix=host.extensions.http.route_prefix)
    return LoadedApp(assignment, host, local, keys, specs, routes)


def http_application(app: LoadedApp, invoker: Invoker, environment: Mapping[str, str]) -> ASGIApp:
    """The ASGI application, behind CORS where local.settings.json names origins."""
    limits = HttpLimits(
        positive_int(environment, "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", default=DEFAULT_BODY_LIMIT_BYTES),
        homepage=not is_true(environment.get("AzureWebJobsDisableHomepage")),
    )
    front = HttpFront(app.routes, invoker, keys=app.keys, limits=limits)
    origins = [origin.strip() for origin in app.local.host.cors.split(",") if origin.strip()]
    if not origins:
        return front
    return CORSMiddleware(
        front,
        allow_origins=origins,
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=app.local.host.cors_credentials,
    )


def queue_listeners(app: LoadedApp, invoker: Invoker, connections: Connections) -> list[QueueListener]:
    """A listener for each Service Bus function of which this worker has a share."""
    service_bus = app.host.extensions.service_bus
    listeners = []
    for ordinal, spec in enumerate(app.of(TriggerKind.SERVICE_BUS)):
        opener = connections.receiver_opener(spec.trigger)
        limits = ListenerLimits(
            concurrent_calls=share(service_bus.max_concurrent_calls, app.assignment, ordinal=ordinal),
            batch_size=service_bus.max_message_batch_size,
            max_renewal_seconds=service_bus.max_auto_lock_renewal_duration.total_seconds(),
        )
        if limits.concurrent_calls > 0:
            listeners.append(QueueListener(spec, opener, invoker, limits))
    return listeners


def share(total: int, assignment: WorkerAssignment, *, ordinal: int) -> int:
    """This worker's part of a limit that counts per host; the odd ones go round from function to function."""
    place = (assignment.index + ordinal) % assignment.count
    return total // assignment.count + (1 if place < total % assignment.count else 0)


def timers(app: LoadedApp, invoker: Invoker, environment: Mapping[str, str]) -> list[Timer]:
    """The timer functions; the first worker alone runs them. Raises HostError for an unusable schedule."""
    monitor = TimerMonitor(app.assignment.options.timer_state_file)
    made = [
        Timer(
            spec,
            parse_schedule(resolve_names(spec.trigger.schedule, environment), function=spec.name),
            invoker,
            monitor,
        )
        for spec in app.of(TriggerKind.TIMER)
    ]
    return made if app.assignment.index == 0 else []
