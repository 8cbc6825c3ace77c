"""The local host's lines say what a record was given as `extra`."""

import json
import logging
from typing import Any

import pytest

from tools.functions_host.logs import JsonFormatter, TextFormatter


def record(message: str = "task completed", **extras: Any) -> logging.LogRecord:
    return logging.getLogger("core.machine").makeRecord(
        "core.machine", logging.INFO, "f", 1, message, (), None, extra=extras
    )


def test_a_text_line_ends_with_them() -> None:
    line = TextFormatter().format(record(action="task_completed", task_id="t-1-0", attempt=2))
    assert line.endswith("core.machine task completed action=task_completed task_id=t-1-0 attempt=2")


def test_what_the_line_says_already_is_not_repeated() -> None:
    line = TextFormatter().format(record(invocation_id="i", function_name="f", host_worker="w1"))
    assert line.endswith("core.machine [f i] task completed")


@pytest.mark.parametrize(
    ("value", "text"),
    [("a b", '"a b"'), ("", '""'), ('a"b', '"a\\"b"'), ("a\nb", '"a\\nb"'), ("a=b", '"a=b"'), (None, "None")],
)
def test_a_value_cannot_be_taken_for_another(value: Any, text: str) -> None:
    assert TextFormatter().format(record(x=value)).endswith(f" x={text}")


def test_a_value_is_not_endless() -> None:
    assert len(TextFormatter().format(record(x="y" * 10_000))) < 400


def test_a_json_line_has_them_as_members() -> None:
    line = json.loads(JsonFormatter().format(record(action="task_completed", attempt=2, queues=("a", "b"))))
    assert (line["message"], line["action"], line["attempt"]) == ("task completed", "task_completed", 2)
    assert line["queues"] == ["a", "b"]
