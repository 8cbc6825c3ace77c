"""All parts of one checkout's stack, started and stopped together."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.stack.azurite import AzuriteServer
from tools.stack.database import Database
from tools.stack.part import Part, PartState
from tools.stack.postgres import PostgresServer
from tools.stack.python_parts import BrokerServer, FunctionsHost
from tools.stack.state import StateDirectory
from tools.stack.topology import APPS, App, Topology

_RECORD = "stack.json"

Report = Callable[[str], None]


def _silent(_: str) -> None:
    """Report to nobody."""


class Stack:
    """PostgreSQL, Azurite, broker and the hosts of a topology, kept in one state directory.

    Stacks with different state directories do not disturb each other. `settings` are added to the
    environment of every host, which runs the app of `app_root` (by default the checkout's).
    """

    def __init__(
        self,
        root: Path,
        state_dir: Path,
        topology: Topology | None = None,
        *,
        durable: bool = True,
        app_root: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root.resolve()
        self._app_root = app_root
        self.state = StateDirectory(state_dir)
        self.topology = topology or self._remembered_topology()
        self._settings = settings or {}
        self.postgres = PostgresServer(state=self.state, durable=durable)
        self.azurite = AzuriteServer(state=self.state, root=self.root)
        self.broker = BrokerServer(state=self.state, root=self.root)
        self.database = Database(
            server=self.postgres, state=self.state, root=self.root, disposable=not durable
        )

    def up(self, report: Report = _silent) -> list[str]:
        """Start what does not run, and return the names of what was started.

        A part that had crashed is reported and started again. Hosts of another topology are stopped.
        """
        with self.state.exclusive():
            self._report_crashes(report)
            self._stop_all([host for host in self._all_hosts() if host.name not in self._host_names()])
            self.state.write(_RECORD, {"topology": self.topology})
            ports = self._ports()
            started = self._start(self._servers(), report)
            if self._ports() != ports:  # the hosts were told others
                self._stop_all(self._hosts())
            if started or not self._all_run(self._hosts()):
                self._make_contents(report)
            started += self._start(self._hosts(), report)
            return started

    def down(self) -> list[str]:
        """Stop every part of every topology, hosts first; the names of what ran."""
        with self.state.exclusive():
            return self._stop_all(self._all_hosts()) + self._stop_all(self._servers()[::-1])

    def parts(self) -> list[Part]:
        """All parts of this topology, in the order in which they start."""
        return [*self._servers(), *self._hosts()]

    def part(self, name: str) -> Part:
        """A part by its name; KeyError where this topology has none of that name."""
        return {part.name: part for part in self.parts()}[name]

    def raise_if_crashed(self) -> None:
        """PartCrashed for the first part that ended by itself."""
        for part in self.parts():
            part.raise_if_crashed()

    @property
    def public_base_url(self) -> str:
        """Where clients reach the platform."""
        return self._base_url(APPS[self.topology][0])

    def environment(self, app: App | None = None) -> dict[str, str]:
        """The settings of an app (of the first one, if none is given), on this stack's parts."""
        app = app or APPS[self.topology][0]
        return {
            **self.database.urls().environment(),
            "STORAGE_CONNECTION_STRING": self.azurite.connection_string,
            "AzureWebJobsStorage": self.azurite.connection_string,
            "SERVICE_BUS_CONNECTION": self.broker.connection_string,
            "PUBLIC_BASE_URL": self.public_base_url,
            "AzureWebJobsDisableHomepage": "true",
            **app.settings,
            "FUNCTIONS_WORKER_PROCESS_COUNT": os.environ.get("FUNCTIONS_WORKER_PROCESS_COUNT", "1"),
            **self._settings,
        }

    def _servers(self) -> list[Part]:
        """What the hosts need."""
        return [self.postgres, self.azurite, self.broker]

    def _hosts(self) -> list[FunctionsHost]:
        """The hosts of this topology; the first is the one clients talk to."""
        return [self._host(app) for app in APPS[self.topology]]

    def _remembered_topology(self) -> Topology:
        return Topology(self.state.read(_RECORD).get("topology", Topology.STANDALONE))

    def _host(self, app: App) -> FunctionsHost:
        return FunctionsHost(
            app.part,
            state=self.state,
            root=self.root,
            app_root=self._app_root,
            settings=lambda: self.environment(app),
        )

    def _base_url(self, app: App) -> str:
        return FunctionsHost(app.part, state=self.state, root=self.root).base_url

    def _host_names(self) -> set[str]:
        return {app.part for app in APPS[self.topology]}

    def _all_hosts(self) -> list[FunctionsHost]:
        return [self._host(app) for apps in APPS.values() for app in apps]

    def _report_crashes(self, report: Report) -> None:
        for status in (part.status() for part in self.parts()):
            if status.state is PartState.CRASHED:
                report(f"{status.name} had crashed; see {status.log_file}")

    def _start(self, parts: Sequence[Part], report: Report) -> list[str]:
        """Start all, then wait for all: they come up side by side."""
        started = [part for part in parts if part.start()]
        for part in started:
            part.wait_ready()
            report(f"{part.name} is up on port {part.port}")
        return [part.name for part in started]

    def _make_contents(self, report: Report) -> None:
        self.azurite.create_containers()
        if self.database.bring_up_to_date():
            report("database is up to date")

    def _ports(self) -> list[int]:
        return [server.port for server in self._servers()]

    def _all_run(self, parts: Sequence[Part]) -> bool:
        return all(part.status().state is PartState.RUNNING for part in parts)

    def _stop_all(self, parts: Sequence[Part]) -> list[str]:
        """Side by side, because each host may need a while to finish what it is doing."""
        if not parts:
            return []
        with ThreadPoolExecutor(max_workers=len(parts)) as pool:
            stopped = list(pool.map(lambda part: part.stop(), parts))
        return [part.name for part, was_running in zip(parts, stopped, strict=True) if was_running]
