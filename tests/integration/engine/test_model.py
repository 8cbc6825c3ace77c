"""The engine does what its model does, whatever is lost, repeated, reordered, killed, cancelled and retried.

`MODEL_STEPS=10000` makes the run long, and `--hypothesis-seed=N` chooses it; the default run never changes.
"""

import itertools
import json
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.control import RetryScope
from core.errors import Conflict, NotFound, PermanentTaskError, TransientError
from core.models.results import ErrorDetail
from core.models.task import ClaimedTask, TaskStatus, WorkerIdentity
from core.ports import OutboxMessage
from tests.integration.engine.both_sides import (
    LEASE,
    POLICIES,
    QUEUE,
    WINDOW,
    BothSides,
    finalize_faults,
)
from tests.integration.engine.invariants import assert_invariants
from tests.integration.engine.machine_under_test import NOW
from tests.integration.engine.model import ModelJob, ModelTask
from tools.stack.database import DatabaseUrls

STEPS_OF_AN_EXAMPLE, USUAL_STEPS = 40, 20  # at most, and with the short ones that Hypothesis mixes in
DEFAULT_STEPS = 1_000
STEPS = int(os.environ.get("MODEL_STEPS", DEFAULT_STEPS))
WORKER = WorkerIdentity("a", "w", LEASE)

some = st.integers(0, 9_999)


FAULTS: dict[str, Callable[[], Exception] | None] = {
    "success": None,
    "permanent": lambda: PermanentTaskError("no", code="TEST_FAILURE"),
    "transient": lambda: TransientError("not now", code="TEST_FAILURE"),
    "unknown": lambda: RuntimeError("what?"),
}


class EngineAndModel(BothSides, RuleBasedStateMachine):
    """Each rule does the same to both; after each step both must show the same."""

    steps = 0  # of all examples

    # What clients do.

    @precondition(lambda self: len(self.jobs) < 6 and len(self._unfinished()) < 2)
    @rule(
        counts=st.tuples(*[st.sampled_from([0, 1, 2, 2, 3])] * 3),
        policy=st.sampled_from(sorted(POLICIES)),
        tenant=st.sampled_from("ab"),
        priority=st.sampled_from([0, 0, 5]),
        faults=st.sampled_from([0, 0, 0, 1, 4]),
    )
    def submit(self, counts: tuple[int, ...], policy: str, tenant: str, priority: int, faults: int) -> None:
        number = next(self.numbers)
        finalize_faults[str(number)] = faults
        submitted = self.engine.jobs.submit(
            policy, {"counts": [*counts, number]}, tenant=tenant, priority=priority
        )
        self.jobs[submitted.job_id] = ModelJob(counts, POLICIES[policy], tenant, priority, faults)

    @precondition(lambda self: self._unfinished())
    @rule(which=some)
    def cancel(self, which: int) -> None:
        job_id, job = self._job(which if which % 5 else 0)
        assert job.cancel() == _allowed(lambda: self.engine.control.cancel(job_id))

    @precondition(lambda self: any(job.is_terminal for job in self.jobs.values()))
    @rule(which=some, scope=st.sampled_from(RetryScope))
    def retry(self, which: int, scope: RetryScope) -> None:
        job_id, job = self._job(which, terminal=True)
        assert job.retry(scope) == _allowed(lambda: self.engine.control.retry(job_id, scope=scope))

    @precondition(lambda self: any(job.is_terminal for job in self.jobs.values()))
    @rule(which=some, stage=st.integers(1, 3))
    def retry_from(self, which: int, stage: int) -> None:
        job_id, job = self._job(which, terminal=True)
        assert job.retry_from(stage) == _allowed(
            lambda: self.engine.control.retry(job_id, from_stage=f"s{stage}")
        )

    @precondition(lambda self: any(job.is_terminal and any(job.tasks()) for job in self.jobs.values()))
    @rule(which=some)
    def retry_task(self, which: int) -> None:
        ended = [
            (job_id, stage, n) for job_id, stage, n in self.ids.values() if self.jobs[job_id].is_terminal
        ]
        place = sorted(ended)[which % len(ended)]
        job_id, stage, n = place
        job = self.jobs[job_id]
        is_last = stage == len(job.stages)
        task_id = next(task_id for task_id, other in self.ids.items() if other == place)
        expected = is_last and job.retry_task(job.stages[-1].tasks[n])
        assert expected == _allowed(lambda: self.engine.control.retry_task(job_id, task_id))

    # What the broker and the workers do.

    @precondition(lambda self: self._tasks_by_status("pending_queue"))
    @rule()
    def release(self) -> None:
        waiting = self._tasks_by_status("pending_queue")
        out = Counter(job.tenant for job, _ in self._tasks_by_status("queued", "processing"))
        before = dict(out)
        released = self.engine.dispatcher.release([QUEUE])
        queued = {task_id for task_id, state in self._show()["tasks"].items() if state[0] == "queued"}
        let_out = [(job, task) for job, task in waiting if self._id_of(job, task) in queued]
        assert released == len(let_out) == max(0, min(WINDOW - sum(before.values()), len(waiting)))
        for _, task in let_out:
            task.status = "queued"
        self._check_turns(waiting, let_out, before=before)

    def _check_turns(
        self,
        waiting: list[tuple[ModelJob, ModelTask]],
        let_out: list[tuple[ModelJob, ModelTask]],
        *,
        before: dict[str, int],
    ) -> None:
        """The highest priority first; among equals nobody gets ahead of a tenant that still waits."""
        left = [job for job, task in waiting if task.status == "pending_queue"]
        if not left or not let_out:
            return
        cut = min(job.priority for job, _ in let_out)
        assert cut >= max(job.priority for job in left)
        got = Counter(job.tenant for job, _ in let_out if job.priority == cut)
        for job in left:
            if job.priority == cut:
                share = before.get(job.tenant, 0) + got[job.tenant]
                assert all(before.get(other, 0) + got[other] <= share + 1 for other in got)

    @precondition(lambda self: self.jobs)
    @rule()
    def send_what_is_promised(self) -> None:
        self._execute("UPDATE app.outbox SET send_after = now() - interval '1 second'")
        self.engine.relay.sweep()
        self.messages.extend(self.engine.sender.messages)
        self.engine.sender.messages.clear()

    @precondition(lambda self: self._unfinished())
    @rule(faults=st.lists(st.sampled_from(["success", *FAULTS]), min_size=1, max_size=4))
    def work(self, faults: list[str]) -> None:
        """What is promised now is sent and delivered, as on most days."""
        for fault in itertools.islice(itertools.cycle(faults), 4):
            self.release()
            self.send_what_is_promised()
            for _ in range(len(self.messages)):
                self.deliver(0, fault, again=False)
                self._show()

    @precondition(lambda self: self._unfinished())
    @rule()
    def bring_tasks_out(self) -> None:
        """The same, but that no worker has come to a task yet."""
        self.send_what_is_promised()
        for message in [message for message in self.messages if message.queue != QUEUE]:
            self.deliver(self.messages.index(message), "success", again=False)
        self.release()
        self.send_what_is_promised()

    @precondition(lambda self: self.messages)
    @rule(which=some, fault=st.sampled_from(["success", *FAULTS]), again=st.booleans())
    def deliver(self, which: int, fault: str, again: bool) -> None:
        message = self._message(which, keep=again)
        self.fault = FAULTS[fault]
        self.engine.deliver(message)
        if message.queue == QUEUE:
            self._model_attempt(message, fault)
        else:
            self._model_job_message(json.loads(message.body))

    def _model_attempt(self, message: OutboxMessage, fault: str) -> None:
        found = self._task_of(message)
        if found is None or not found[1].claim():
            return
        job, task = found
        if fault == "success":
            job.finish(task, "completed")
        elif fault == "permanent" or task.attempt >= task.max_attempts:
            job.finish(task, "failed")
        else:
            job.finish(task, "pending_retry")

    def _model_job_message(self, body: dict[str, Any]) -> None:
        if body["message_type"] == "job_submit":
            self.jobs[body["job_id"]].advance(0)
        elif body["message_type"] == "stage_complete":
            self.jobs[body["job_id"]].advance(body["stage"])

    @precondition(lambda self: self.messages)
    @rule(which=some)
    def lose(self, which: int) -> None:
        self._message(which, keep=False)

    @precondition(lambda self: any(message.queue == QUEUE for message in self.messages))
    @rule(which=some, again=st.booleans())
    def claim(self, which: int, again: bool) -> None:
        """A worker takes a task, and is not heard of for a while, or never again."""
        self._claim(self._message(which, keep=again, queue=QUEUE))

    def _claim(self, message: OutboxMessage) -> None:
        claimed = self.engine.database.tasks.claim(json.loads(message.body)["task_id"], WORKER)
        found = self._task_of(message)
        expected = found is not None and found[1].claim()
        assert (claimed is not None) == expected
        if claimed is not None and found is not None:
            job, task = found
            assert claimed.attempt == task.attempt
            self.claims.append((claimed, job, task, job.run))

    @precondition(lambda self: self.claims)
    @rule(which=some, status=st.sampled_from(["completed", "completed", "failed", "pending_retry"]))
    def report(self, which: int, status: str) -> None:
        """A worker is heard of again; its attempt may be long over. It may say so twice."""
        claimed, job, task, run = self.claims[which % len(self.claims)]
        if status == "pending_retry" and claimed.attempt >= claimed.max_attempts:
            status = "failed"
        error = None if status == "completed" else ErrorDetail(code="TEST_FAILURE", message="no")
        applied = self.engine.database.tasks.finish(
            claimed,
            TaskStatus(status),
            result={"n": task.n} if status == "completed" else None,
            error=error,
            retry_after=NOW if status == "pending_retry" else None,
        )
        is_current = _is_current(claimed, job, task, run)
        assert applied == is_current
        if is_current:
            job.finish(task, status)

    @precondition(lambda self: self.claims)
    @rule(which=some)
    def complete_and_go_on(self, which: int) -> None:
        """A worker has done its work, and is given what waits behind it."""
        claimed, job, task, run = self.claims[which % len(self.claims)]
        completed = self.engine.database.tasks.complete(claimed, {"n": task.n}, take_for=WORKER)
        is_current = _is_current(claimed, job, task, run)
        assert completed.applied == is_current
        following = self._next_behind(claimed.task_id) if is_current else None
        if is_current:
            job.finish(task, "completed")
        assert (completed.taken and completed.taken.task_id) == (following and self._id_of(*following))
        if completed.taken and following:
            assert following[1].claim(waiting=True)
            assert completed.taken.attempt == following[1].attempt
            self.claims.append((completed.taken, *following, following[0].run))

    def _next_behind(self, task_id: str) -> tuple[ModelJob, ModelTask] | None:
        """The next one in the order of planning, if nobody else waits whose turn it could be."""
        order = [str(row[0]) for row in self._execute("SELECT task_id FROM app.tasks ORDER BY seq")]
        own = self.jobs[self.ids[task_id][0]]
        waiting = self._tasks_by_status("pending_queue")
        if any(
            job.priority > own.priority or (job.priority == own.priority and job.tenant != own.tenant)
            for job, _ in waiting
        ):
            return None
        places = {
            order.index(self._id_of(*each)): each for each in waiting if each[0].priority == own.priority
        }
        behind = [place for place in places if place > order.index(task_id)]
        return places[min(behind)] if behind else None

    @precondition(lambda self: self.claims)
    @rule(which=some, status=st.sampled_from(["completed", "failed"]))
    def overtake(self, which: int, status: str) -> None:
        """A worker freezes until another has its task, and goes on as if nothing had been."""
        frozen = which % len(self.claims)
        self.leases_expire()
        self.janitor()
        self.send_what_is_promised()
        task_id = self.claims[frozen][0].task_id
        for number, message in enumerate(self.messages):
            if message.queue == QUEUE and json.loads(message.body)["task_id"] == task_id:
                self._claim(self._message(number, keep=False))
                break
        self.heartbeat(frozen)
        self.report(frozen, status)

    @precondition(lambda self: self.claims)
    @rule(which=some)
    def heartbeat(self, which: int) -> None:
        claimed, job, task, run = self.claims[which % len(self.claims)]
        kept = self.engine.database.tasks.renew([(claimed.task_id, claimed.attempt, 0.5)], lease=LEASE)
        is_current = _is_current(claimed, job, task, run)
        assert (claimed.task_id in kept) == is_current
        if is_current:
            task.lease_expired = False

    @precondition(lambda self: self._tasks_by_status("processing"))
    @rule()
    def leases_expire(self) -> None:
        self._execute(
            "UPDATE app.tasks SET lease_until = now() - interval '1 second' WHERE status = 'processing'"
        )
        for _, task in self._tasks_by_status("processing"):
            task.lease_expired = True

    # What the janitor does.

    @precondition(lambda self: self.jobs)
    @rule()
    def janitor(self) -> None:
        expired = [(job, task) for job, task in self._tasks_by_status("processing") if task.lease_expired]
        worn_out = [(job, task) for job, task in expired if task.attempt >= task.max_attempts]
        assert self.sweeper.worn_out_tasks() == len(worn_out)
        for job, task in worn_out:
            job.finish(task, "failed")
        assert self.sweeper.expired_leases() == len(expired) - len(worn_out)
        for job, task in expired:
            if task.status == "processing":
                job.finish(task, "pending_retry")
        self.sweeper.silent_tasks()
        silent = [job for job in self._unfinished() if not job.stages or not job.stages[-1].is_open]
        assert self.sweeper.silent_jobs() == len(silent)
        for job in silent:
            job.advance(len(job.stages))
        assert self.sweeper.lights_left_on() == 0, "our transactions left a light on"

    # What both must show.

    @invariant()
    def both_show_the_same(self) -> None:
        shown = self._show()
        assert shown["jobs"] == {
            job_id: [job.status, len(job.stages), [list(hole) for hole in sorted(job.holes)]]
            for job_id, job in self.jobs.items()
        }
        assert shown["stages"] == {
            f"{job_id}-{number}": "open" if stage.is_open else "closed"
            for job_id, job in self.jobs.items()
            for number, stage in enumerate(job.stages, start=1)
        }
        assert shown["counts"] == {
            f"{job_id}-{number}": Counter(task.status for task in stage.tasks)
            for job_id, job in self.jobs.items()
            for number, stage in enumerate(job.stages, start=1)
            if stage.tasks
        }
        tasks = {self.ids[task_id]: state for task_id, state in shown["tasks"].items()}
        assert tasks == {
            (job_id, number, task.n): [task.status, task.attempt, task.max_attempts]
            for job_id, job in self.jobs.items()
            for number, task in job.tasks()
        }

    @invariant()
    def the_model_keeps_its_own_promises(self) -> None:
        type(self).steps += 1
        for job in self.jobs.values():
            for _, task in job.tasks():
                assert task.effects <= 1
                assert task.attempt <= task.max_attempts

    def teardown(self) -> None:
        """Every worker and every message is lost; the janitor alone brings all to an end."""
        try:
            self._to_rest()
            self._check_the_end()
        finally:
            self.engine.database.close()

    def _to_rest(self) -> None:
        self.claims.clear()
        self.messages.clear()
        for _ in range(100):
            if all(job.is_terminal for job in self.jobs.values()):
                return
            self.leases_expire()
            self.janitor()
            self.release()
            self.send_what_is_promised()
            while self.messages:
                self.deliver(0, "success", again=False)
            self.both_show_the_same()
        raise AssertionError("the janitor does not bring the jobs to an end")

    def _check_the_end(self) -> None:
        for job_id, job in self.jobs.items():
            result = self.engine.job(job_id).result
            assert result == ({"sum": job.sum} if job.status == "completed" else None)
        assert_invariants(self.urls.admin)


def _is_current(claimed: ClaimedTask, job: ModelJob, task: ModelTask, run: int) -> bool:
    return job.run == run and task.status == "processing" and task.attempt == claimed.attempt


def _allowed(order: Callable[[], object]) -> bool:
    try:
        order()
    except (Conflict, NotFound):
        return False
    return True


@pytest.mark.timeout(max(300, STEPS))
def test_the_engine_does_what_its_model_does(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        _run(database_urls, connection)


def _run(database_urls: DatabaseUrls, own_connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    class Machine(EngineAndModel):
        urls = database_urls
        connection = own_connection

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=max(1, STEPS // USUAL_STEPS),
            stateful_step_count=STEPS_OF_AN_EXAMPLE,
            deadline=None,
            database=None,
            derandomize=STEPS == DEFAULT_STEPS,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Machine.steps >= STEPS, "the run was shorter than it should have been"
