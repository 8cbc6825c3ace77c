"""Access keys, asked for only when the host was given some."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.functions_host.running import RunningHost, copy_sample_app, running_host

KEYS = {
    "master": "the-master",
    "host": {"default": "the-host"},
    "functions": {"locked_function": {"default": "the-function"}, "echo": {"default": "of-another"}},
}


@pytest.fixture(scope="module")
def locked_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    root = copy_sample_app(tmp_path_factory.mktemp("keys"))
    keys = root / "keys.json"
    keys.write_text(json.dumps(KEYS))
    with running_host(root, "--keys", str(keys)) as host:
        yield host


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/echo", None, 200),
        ("/api/locked/function", None, 401),
        ("/api/locked/function", "wrong", 401),
        ("/api/locked/function", "of-another", 401),
        ("/api/locked/function", "the-function", 200),
        ("/api/locked/function", "the-host", 200),
        ("/api/locked/function", "the-master", 200),
        ("/api/locked/admin", "the-host", 401),
        ("/api/locked/admin", "the-master", 200),
    ],
)
def test_which_key_opens_what(locked_host: RunningHost, path: str, key: str | None, status: int) -> None:
    headers = {"x_functions_key": key} if key else {}
    answer = locked_host.get(path, **headers)
    assert answer.status == status
    assert answer.body == b"" or status == 200


def test_the_query_carries_a_key_too_but_the_header_wins(locked_host: RunningHost) -> None:
    assert locked_host.get("/api/locked/function?code=the-host").status == 200
    answer = locked_host.get("/api/locked/function?code=the-host", x_functions_key="wrong")
    assert answer.status == 401


def test_without_keys_every_function_is_open(http_host: RunningHost) -> None:
    assert http_host.get("/api/locked/function").status == 200
    assert http_host.get("/api/locked/admin").status == 200


def test_keys_may_come_from_the_environment(app_root: Path) -> None:
    with running_host(app_root, environment={"FUNCTIONS_HOST_KEYS": json.dumps(KEYS)}) as host:
        assert host.get("/api/locked/function").status == 401
        assert host.get("/api/locked/function", x_functions_key="the-host").status == 200
