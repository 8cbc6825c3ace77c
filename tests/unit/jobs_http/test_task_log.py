"""What is collected of a task's log, and what never is."""

import contextvars
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.models.task import ClaimedTask, TaskId
from core.task_log import MAX_BYTES, MAX_ENTRIES, LogEntry, TaskLog, collect, install, keep

LOG = logging.getLogger("services.test")


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    handler = install("an-app")
    yield
    root.removeHandler(handler)
    root.setLevel(before)


def claimed(task_id: str = "t-1-0", attempt: int = 1) -> ClaimedTask:
    return ClaimedTask(
        task_id=TaskId(task_id),
        job_id="j",
        job_type="test",
        stage=1,
        task_type="test",
        parameters={},
        target_queue="q",
        attempt=attempt,
        max_attempts=3,
    )


def messages(log: TaskLog) -> list[str]:
    return [entry.message for entry in log.entries]


def test_records_of_the_block_are_collected() -> None:
    LOG.info("before")
    with collect(claimed()) as log:
        LOG.info("read %d bands", 3, extra={"action": "read", "band_count": 3, "blob_id": "b", "uri": "x"})
        LOG.debug("too fine")
        LOG.log(35, "between the levels")
    LOG.info("after")
    first, second = log.entries
    assert (first.seq, first.level, first.message) == (1, "INFO", "read 3 bands")
    assert first.fields == {"action": "read", "band_count": 3, "blob_id": "b"}
    assert first.at.tzinfo is not None
    assert (second.seq, second.level) == (2, "WARNING")


def test_the_engine_and_the_sdk_are_heard_when_they_warn() -> None:
    with collect(claimed()) as log:
        for name in ("core.machine", "azure.core.pipeline", "urllib3"):
            logging.getLogger(name).info("a request")
            logging.getLogger(name).warning("%s complains", name)
    assert messages(log) == ["core.machine complains", "azure.core.pipeline complains", "urllib3 complains"]


def test_every_record_knows_its_task(caplog: pytest.LogCaptureFixture) -> None:
    with collect(claimed(attempt=2)):
        LOG.info("inside")
        LOG.info("its own", extra={"task_id": "another", "app": "b"})
    LOG.info("outside")
    inside, own, outside = (vars(record) for record in caplog.records)
    ids = {"app": "an-app", "job_id": "j", "task_id": "t-1-0", "stage": 1, "attempt": 2}
    assert {name: inside[name] for name in ids} == ids
    assert (own["task_id"], own["app"], own["attempt"]) == ("another", "b", 2)
    assert outside["app"] == "an-app"
    assert "task_id" not in outside


def test_tasks_side_by_side_do_not_mix() -> None:
    together = threading.Barrier(4)

    def run(number: int) -> list[str]:
        with collect(claimed(f"t-{number}")) as log:
            together.wait(10)
            for _ in range(50):
                LOG.info("task %d", number)
        return messages(log)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(4))) == [[f"task {number}"] * 50 for number in range(4)]


def test_a_thread_of_the_handler_belongs_to_the_task_in_a_copy_of_its_context() -> None:
    with collect(claimed()) as log:
        thread = threading.Thread(target=contextvars.copy_context().run, args=(LOG.info, "from a thread"))
        thread.start()
        thread.join()
    assert messages(log) == ["from a thread"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET https://a.example/x?sv=1&sig=abc%2B123&se=2", "GET https://a.example/x?sv=1&sig=***&se=2"),
        ("AccountName=a;AccountKey=c2VjcmV0==;X=1", "AccountName=a;AccountKey=***;X=1"),
        ("postgresql://geo_app:hunter2@db/geodata", "postgresql://geo_app:***@db/geodata"),
        ("password=hunter2 host=db", "password=*** host=db"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("nothing\x00 to \ud800 hide", "nothing\ufffd to ? hide"),
        ("design=wide, 3 bands", "design=wide, 3 bands"),
    ],
)
def test_secrets_are_left_out(text: str, kept: str) -> None:
    with collect(claimed()) as log:
        LOG.info(text)
        LOG.info("%s", text)
    assert messages(log) == [kept, kept]


def test_an_exception_is_named_and_its_text_is_not_kept() -> None:
    with collect(claimed()) as log:
        try:
            raise ValueError("hunter2")
        except ValueError:
            LOG.exception("it went wrong")
    assert messages(log) == ["it went wrong (ValueError)"]


def test_a_record_with_wrong_arguments_does_not_stop_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    quiet = logging.getLogger("services.quiet")
    with collect(claimed()) as log:
        record = quiet.makeRecord(quiet.name, logging.INFO, "f", 1, "%s", (Broken(),), None)
        logging.getLogger().handlers[0].handle(record)
    assert messages(log) == ["%s"]


def test_numbers_that_json_does_not_know_are_left_out() -> None:
    with collect(claimed()) as log:
        LOG.info("x", extra={"mean": float("nan"), "most": 2.5})
    assert log.entries[0].fields == {"most": 2.5}


def test_the_newest_records_are_kept() -> None:
    with collect(claimed()) as log:
        for number in range(MAX_ENTRIES + 3):
            LOG.info("%d", number)
    assert len(log.entries) == MAX_ENTRIES
    assert (log.entries[0].seq, log.entries[-1].message) == (4, str(MAX_ENTRIES + 2))


def test_a_log_has_a_size() -> None:
    with collect(claimed()) as log:
        for number in range(40):
            LOG.info("%d %s", number, "é" * 5000)
    assert sum(len(message.encode()) for message in messages(log)) <= MAX_BYTES
    assert log.entries[-1].seq == 40


class Store:
    def __init__(self, fault: Exception | None = None) -> None:
        self.kept: list[tuple[str, int, int]] = []
        self.fault = fault

    def store(self, task_id: str, attempt: int, entries: Sequence[LogEntry]) -> None:
        if self.fault:
            raise self.fault
        self.kept.append((task_id, attempt, len(entries)))


def test_keeping() -> None:
    store = Store()
    with collect(claimed()) as log:
        pass
    keep(store, claimed(), log)
    assert store.kept == []
    with collect(claimed(attempt=2)) as log:
        LOG.info("x")
    keep(store, claimed(attempt=2), log)
    assert store.kept == [("t-1-0", 2, 1)]


def test_a_log_that_cannot_be_stored_fails_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with collect(claimed()) as log:
        LOG.info("x")
    keep(Store(RuntimeError("no")), claimed(), log)
    assert "log of a task not stored" in caplog.messages


def test_records_of_a_child_process_are_appended() -> None:
    with collect(claimed()) as there:
        LOG.info("in the child")
    with collect(claimed()) as here:
        LOG.info("in the parent")
        here.extend(there.entries)
    assert [(entry.seq, entry.message) for entry in here.entries] == [
        (1, "in the parent"),
        (2, "in the child"),
    ]


def test_installing_again_replaces() -> None:
    handler = install("another-app")
    assert sum(type(each) is type(handler) for each in logging.getLogger().handlers) == 1
