"""What a client gets for what a function returns."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.functions_host.running import RunningHost, copy_sample_app, running_host, wait_until


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


def test_the_homepage_and_its_switch(http_host: RunningHost, tmp_path: Path) -> None:
    assert (http_host.get("/").status, http_host.get("/").header("content-type")) == (200, "text/html")
    with running_host(copy_sample_app(tmp_path), environment={"AzureWebJobsDisableHomepage": "True"}) as host:
        assert (host.get("/").status, host.get("/").body) == (204, b"")


def test_a_body_over_the_limit_is_413(app_root: Path) -> None:
    environment = {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000"}
    with running_host(app_root, environment=environment) as host:
        assert host.request("POST", "/api/echo", body=b"x" * 1000).status == 200
        assert host.request("POST", "/api/echo", body=b"x" * 1001).status == 413


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


def test_cors_of_local_settings(app_root: Path) -> None:
    (app_root / "local.settings.json").write_text('{"Host": {"CORS": "https://maps.example"}}')
    with running_host(app_root) as host:
        preflight = host.request(
            "OPTIONS", "/api/echo", Origin="https://maps.example", Access_Control_Request_Method="GET"
        )
        assert preflight.header("access-control-allow-origin") == "https://maps.example"
        assert (
            host.get("/api/echo", Origin="https://other.example").header("access-control-allow-origin")
            is None
        )
