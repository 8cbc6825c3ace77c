"""Health over HTTP: is the process alive, may it get work, and what state is each part in."""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import azure.functions as func

from config import Settings
from config.defaults import VERSION
from core.errors import AppError, NotFound
from core.schema.queue import QueueRole
from infrastructure.health import DatabaseHealth
from infrastructure.repositories.dead_letters import DeadLetterReport
from triggers.application import Application
from triggers.http import json_answer
from triggers.problems import answers
from triggers.workers import queues_of

LOG = logging.getLogger(__name__)
Details = Mapping[str, Any]
Answer = tuple[Details, int]
STALE_OUTBOX_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Check:
    """A named question; `is_vital` parts make the whole unhealthy, the others degrade it."""

    component: str
    ask: Callable[[], Details]
    is_vital: bool = True
    budget_seconds: float = 3.0


class Degraded(Exception):
    """The part answers, and the answer is not good."""

    def __init__(self, message: str, details: Details) -> None:
        super().__init__(message)
        self.details = details


class HealthService:
    """Asks all parts side by side, and waits for none longer than its budget.

    A question that was not answered in time is not asked a second time while the first still waits.
    """

    def __init__(self, checks: tuple[Check, ...]) -> None:
        self._checks = checks
        self._pool = ThreadPoolExecutor(len(checks), thread_name_prefix="health")
        self._asked: dict[str, Future[Answer]] = {}
        self._lock = Lock()

    def report(self) -> dict[str, Any]:
        """Every component with its state, and the state of the whole."""
        started = time.monotonic()
        futures = [(check, self._ask(check)) for check in self._checks]
        components = [_component(check, future, started) for check, future in futures]
        broken = {entry["component"] for entry in components if entry["status"] == "unhealthy"}
        if any(check.is_vital and check.component in broken for check in self._checks):
            overall = "unhealthy"
        elif all(entry["status"] == "healthy" for entry in components):
            overall = "healthy"
        else:
            overall = "degraded"
        return {"status": overall, "checked_at": datetime.now(UTC).isoformat(), "components": components}

    def _ask(self, check: Check) -> Future[Answer]:
        with self._lock:
            running = self._asked.get(check.component)
            if running is None or running.done():
                running = self._asked[check.component] = self._pool.submit(_timed, check)
            return running


def _timed(check: Check) -> Answer:
    started = time.monotonic()
    details = check.ask()
    return details, round((time.monotonic() - started) * 1000)


def _component(check: Check, future: Future[Answer], started: float) -> dict[str, Any]:
    entry: dict[str, Any] = {"component": check.component, "status": "healthy", "details": {}}
    try:
        remaining = max(0.0, check.budget_seconds - (time.monotonic() - started))
        details, entry["duration_ms"] = future.result(timeout=remaining)
        entry["details"] = dict(details)
    except FutureTimeout:
        entry |= {"status": "unhealthy", "error": f"no answer within {check.budget_seconds:g} s"}
    except Degraded as exc:
        entry |= {"status": "degraded", "error": str(exc), "details": dict(exc.details)}
    except Exception as exc:
        LOG.warning(
            "health check failed", extra={"action": "health", "component": check.component}, exc_info=exc
        )
        entry |= {
            "status": "unhealthy",
            "error": exc.code if isinstance(exc, AppError) else type(exc).__name__,
        }
    return entry


def app_mode_details(settings: Settings) -> Details:
    """S4's `app_mode` component."""
    mode, names = settings.app_mode, settings.queues.names
    return {
        "mode": mode.mode.value,
        "app_name": mode.app_name,
        "queues_listening": {role.value: role in mode.listens_to for role in QueueRole},
        "queue_names": {role.value: names[role] for role in QueueRole},
        "routing": {
            "routes_raster_externally": mode.is_platform and QueueRole.RASTER_TASKS not in mode.listens_to,
            "routes_vector_externally": mode.is_platform and QueueRole.VECTOR_TASKS not in mode.listens_to,
        },
        "role": {"is_platform": mode.is_platform, "is_worker": mode.is_worker, "has_http": True},
    }


def make_checks(app: Application) -> tuple[Check, ...]:
    """The questions that `/api/health` asks."""
    database = DatabaseHealth(app.database)
    silver = app.settings.storage.silver_container
    jobs_queue = app.settings.queues.jobs_queue

    def blob() -> Details:
        with suppress(NotFound):  # the store has answered, and that is what was asked
            app.storage.info(f"azure://{silver}/.health")
        return {"containers": [app.settings.storage.bronze_container, silver]}

    def broker() -> Details:
        app.broker.ping(jobs_queue, seconds=2.5)
        return {"queue": jobs_queue}

    def outbox() -> Details:
        backlog = database.outbox()
        if backlog["oldest_seconds"] > STALE_OUTBOX_SECONDS:
            raise Degraded("promised messages are not being sent", backlog)
        return backlog

    def workers() -> Details:
        queues = queues_of(app, app.listeners.living())
        if missing := [entry["queue"] for entry in queues if not entry["is_listened_to"]]:
            raise Degraded(f"no app listens to {', '.join(missing)}", {"queues": queues})
        return {"queues": queues}

    def dead_letters() -> Details:
        recent = DeadLetterReport(app.database).recent()
        if recent["last_hour"]:
            raise Degraded("messages were dead-lettered within the last hour", recent)
        return recent

    return (
        Check("app_mode", lambda: app_mode_details(app.settings)),
        Check("database", lambda: database.ask("database")),
        Check("postgis", lambda: database.ask("postgis")),
        Check("pgstac", lambda: database.ask("pgstac")),
        Check("blob_storage", blob),
        Check("service_bus", broker),
        Check("outbox", outbox, is_vital=False),
        Check("workers", workers, is_vital=False),
        Check("dead_letters", dead_letters, is_vital=False),
        Check("platform_service", lambda: {"metrics": database.ask("requests")}, is_vital=False),
    )


def health_blueprint(app: Application) -> func.Blueprint:
    """`/api/livez`, `/api/readyz`, `/api/health`."""
    blueprint = func.Blueprint()
    health = HealthService(make_checks(app))
    ready = HealthService((Check("database", lambda: DatabaseHealth(app.database).ask("database")),))

    @blueprint.route(route="api/livez", methods=["GET"])
    @answers
    def livez(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
        return json_answer({"status": "alive", "version": VERSION})

    @blueprint.route(route="api/readyz", methods=["GET"])
    @answers
    def readyz(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
        return _answer(ready.report())

    @blueprint.function_name("health")
    @blueprint.route(route="api/health", methods=["GET"])
    @answers
    def health_report(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
        return _answer({"app_name": app.settings.app_mode.app_name, "version": VERSION, **health.report()})

    return blueprint


def _answer(report: dict[str, Any]) -> func.HttpResponse:
    status = 503 if report["status"] == "unhealthy" else 200
    return json_answer(report, status=status, headers={"Cache-Control": "no-store"})
