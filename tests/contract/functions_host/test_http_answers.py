"""What a client gets for what a function returns."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.functions_host.running import RunningHost, running_host, wait_until


def test_text_is_plain_and_utf8(http_host: RunningHost) -> None:
    answer = http_host.get("/api/items/7")
    assert (answer.status, answer.header("content-type")) == (200, "text/plain; charset=utf-8")


def test_a_response_keeps_its_status_type_and_bytes(http_host: RunningHost) -> None:
    answer = http_host.get("/api/answer/binary")
    assert (answer.status, answer.header("content-type")) == (201, "image/png")
    assert answer.body == bytes(range(256))


def test_head_has_the_length_but_no_body(http_host: RunningHost) -> None:
    answer = http_host.request("HEAD", "/api/answer/binary")
    assert (answer.status, answer.header("content-length"), answer.body) == (201, "256", b"")


def test_cookies_stay_apart(http_host: RunningHost) -> None:
    answer = http_host.get("/api/answer/cookies")
    cookies = [value for name, value in answer.headers if name.lower() == "set-cookie"]
    assert [cookie.split(";")[0] for cookie in cookies] == ["a=1", "b=2"]
    assert "HttpOnly" in cookies[0]
    assert answer.header("x-own") == "1"


@pytest.mark.parametrize("path", ["raise", "none", "dict"])
def test_a_failure_is_an_empty_500_and_logged(http_host: RunningHost, path: str) -> None:
    answer = http_host.get(f"/api/fail/{path}")
    assert (answer.status, answer.body) == (500, b"")
    failures = [line for line in http_host.log("function_failed") if line["function_name"] == f"fail_{path}"]
    assert failures
    assert "Traceback" in failures[-1]["exception"]


def test_the_homepage(http_host: RunningHost) -> None:
    assert (http_host.get("/").status, http_host.get("/").header("content-type")) == (200, "text/html")


def test_sync_functions_share_one_pool(app_root: Path) -> None:
    environment = {"PYTHON_THREADPOOL_THREAD_COUNT": "2"}
    with running_host(app_root, environment=environment) as host, ThreadPoolExecutor(6) as clients:
        together = [int(answer.body) for answer in clients.map(host.get, ["/api/pool/sync"] * 6)]
    assert max(together) == 2


def test_async_functions_share_the_loop(app_root: Path) -> None:
    environment = {"PYTHON_THREADPOOL_THREAD_COUNT": "1"}
    with running_host(app_root, environment=environment) as host, ThreadPoolExecutor(5) as clients:
        answers = [clients.submit(host.get, "/api/slow?seconds=3") for _ in range(5)]
        wait_until(lambda: len(host.trace("slow_started")) == 5, seconds=3)
        assert all(answer.result().status == 200 for answer in answers)
