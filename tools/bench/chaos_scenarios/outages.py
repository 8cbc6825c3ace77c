"""A database that crashes and stays away, and a broker that comes back with nothing."""

import os
import signal
import threading
import time

from tools.bench.chaos_scenarios.scenario import Run, Scenario
from tools.lab.laboratory import Answer, Laboratory
from tools.stack.part import Part, PartState
from tools.stack.processes import wait_until

_TASKS = 10


class _Client:
    """Submits a job every now and then, whatever happens, and remembers the answers."""

    def __init__(self, lab: Laboratory) -> None:
        self._lab = lab
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._submit_until_stopped)
        self.answers: list[Answer] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _submit_until_stopped(self) -> None:
        while not self._stop.wait(0.5):
            self.answers.append(self._lab.try_submit("lab_three_stages", tasks=_TASKS, milliseconds=20))


def _postgres(run: Run) -> None:
    restarts, outage_seconds = (2, 8) if run.quick else (5, 60)
    server, client = run.lab.stack.postgres, _Client(run.lab)
    client.start()
    try:
        for _ in range(restarts):
            time.sleep(run.chance.uniform(1, 3))
            _interrupt(server, seconds=run.chance.uniform(0, 2))
        time.sleep(3)
        _interrupt(server, seconds=outage_seconds)
    finally:
        client.stop()
    returned = time.monotonic()
    run.require_whole([answer.job_id for answer in client.answers if answer.status == 201], tasks=_TASKS)
    run.at_most("seconds_from_return_to_end", time.monotonic() - returned, 60)
    _judge(run, client.answers)
    run.lab.stack.part("standalone").raise_if_crashed()


def _judge(run: Run, answers: list[Answer]) -> None:
    refused = [answer for answer in answers if answer.status != 201]
    run.facts["accepted"], run.facts["refused"] = len(answers) - len(refused), len(refused)
    run.require(bool(refused), "no submission met the outage")
    others = sorted({answer.status for answer in refused} - {503})
    run.require(not others, f"refused with {others} and not with 503")
    run.at_most("slowest_refusal_seconds", max((answer.seconds for answer in refused), default=0), 3)


def _interrupt(server: Part, *, seconds: float) -> None:
    """`pg_ctl stop -m immediate`: no checkpoint, connections cut; then away for so long."""
    if (pid := server.status().pid) is not None:
        os.kill(pid, signal.SIGQUIT)
    wait_until(lambda: server.status().state is not PartState.RUNNING, seconds=10)
    time.sleep(seconds)
    server.start()
    server.wait_ready()


def _broker(run: Run) -> None:
    broker = run.lab.stack.broker
    jobs = [
        run.lab.submit("lab_three_stages", tasks=_TASKS, milliseconds=200)
        for _ in range(4 if run.quick else 20)
    ]
    time.sleep(1)
    broker.kill()
    jobs.append(run.lab.submit("lab_three_stages", tasks=_TASKS, milliseconds=200))
    time.sleep(8 if run.quick else 60)
    broker.discard_data()
    broker.start()
    broker.wait_ready()
    returned = time.monotonic()
    run.require_whole(jobs, tasks=_TASKS)
    run.at_most("seconds_from_return_to_end", time.monotonic() - returned, 60)
    run.lab.stack.part("standalone").raise_if_crashed()


SCENARIOS = (
    Scenario(
        "postgres_restarts",
        "B7",
        "PostgreSQL crashes five times under load and is then away for 60 s: nothing accepted is lost, "
        "refusals are 503 within 3 s",
        _postgres,
    ),
    Scenario(
        "broker_emptied",
        "B8",
        "the broker is away for 60 s in the middle of jobs, and comes back empty",
        _broker,
    ),
)
