"""Settings, their precedence, and what keeps the host from starting."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.functions_host.running import RunningHost, copy_sample_app, running_host


def refused(root: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """The log of a host that does not start."""
    host = RunningHost(root, environment=environment or {}, arguments=arguments)
    try:
        assert host.process.wait(20) == 3
        return host.log_text()
    finally:
        host.close()


@pytest.fixture(scope="module")
def tuned_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """A host that everything was said to which has a default."""
    root = copy_sample_app(tmp_path_factory.mktemp("tuned"))
    settings = root / "other.settings.json"
    values = {"FROM_FILE": "file", "FROM_BOTH": "file", "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000"}
    settings.write_text(json.dumps({"Values": values, "Host": {"CORS": "https://maps.example"}}))
    environment = {
        "FROM_BOTH": "environment",
        "AZUREFUNCTIONSJOBHOST__Extensions__HTTP__routeprefix": "",
        "AzureWebJobs.switched_off.Disabled": "true",
        "AzureWebJobsDisableHomepage": "True",
    }
    with running_host(root, "--settings", str(settings), environment=environment) as host:
        yield host


def test_settings_are_complete_before_the_app_is_imported(tuned_host: RunningHost) -> None:
    [imported] = tuned_host.trace("import")
    assert imported["cwd"] == str(tuned_host.root)
    seen = imported["environment"]
    assert (seen["FROM_FILE"], seen["FROM_BOTH"]) == ("file", "environment")
    assert seen["AZURE_FUNCTIONS_ENVIRONMENT"] == "Development"


def test_local_settings_are_found_in_the_root(app_root: Path) -> None:
    (app_root / "local.settings.json").write_text('{"Values": {"FROM_FILE": "file"}}')
    with running_host(app_root) as host:
        assert host.trace("import")[0]["environment"]["FROM_FILE"] == "file"


def test_app_settings_override_host_json(tuned_host: RunningHost) -> None:
    assert tuned_host.get("/echo").status == 200
    assert tuned_host.get("/api/echo").status == 404


def test_a_disabled_function_is_404(tuned_host: RunningHost) -> None:
    assert tuned_host.get("/switched/off").status == 404


def test_the_homepage_can_be_switched_off(tuned_host: RunningHost) -> None:
    assert (tuned_host.get("/").status, tuned_host.get("/").body) == (204, b"")


def test_a_body_over_the_limit_is_413(tuned_host: RunningHost) -> None:
    assert tuned_host.request("POST", "/echo", body=b"x" * 1000).status == 200
    assert tuned_host.request("POST", "/echo", body=b"x" * 1001).status == 413


def test_cors_of_local_settings(tuned_host: RunningHost) -> None:
    preflight = tuned_host.request(
        "OPTIONS", "/echo", Origin="https://maps.example", Access_Control_Request_Method="GET"
    )
    assert preflight.header("access-control-allow-origin") == "https://maps.example"
    other = tuned_host.get("/echo", Origin="https://other.example")
    assert other.header("access-control-allow-origin") is None


def test_the_route_table_is_logged(http_host: RunningHost) -> None:
    messages = [line["message"] for line in http_host.log("function_indexed")]
    assert "echo: [GET,POST] /api/echo" in messages
    assert "item_by_number: [GET] /api/items/{id:int}" in messages


def test_an_app_that_does_not_import_stops_the_start(app_root: Path) -> None:
    (app_root / "function_app.py").write_text("import no_such_module\n")
    assert "No module named 'no_such_module'" in refused(app_root)


def test_two_functions_of_one_name_stop_the_start(app_root: Path) -> None:
    (app_root / "function_app.py").write_text(
        "import azure.functions as func\n"
        "app = func.FunctionApp()\n"
        "for path in ('a', 'b'):\n"
        "    @app.route(route=path)\n"
        "    def same(req: func.HttpRequest) -> str:\n"
        "        return ''\n"
    )
    assert "same" in refused(app_root)


def test_an_app_without_functions_stops_the_start(app_root: Path) -> None:
    (app_root / "function_app.py").write_text("import azure.functions as func\napp = func.FunctionApp()\n")
    assert "no functions found" in refused(app_root)


def test_a_trigger_that_is_not_served_stops_the_start(app_root: Path) -> None:
    (app_root / "function_app.py").write_text(
        "import azure.functions as func\n"
        "app = func.FunctionApp()\n"
        "@app.queue_trigger(arg_name='msg', queue_name='q', connection='S')\n"
        "def stored(msg: func.QueueMessage) -> None:\n"
        "    pass\n"
    )
    assert "does not serve queueTrigger" in refused(app_root)


def test_a_name_without_value_stops_the_start(app_root: Path) -> None:
    timers = app_root / "timer_functions.py"
    timers.write_text(timers.read_text().replace("%TICK_SCHEDULE%", "%NO_SUCH_SETTING%"))
    assert "NO_SUCH_SETTING" in refused(app_root, environment={"TICK_SCHEDULE": "any"})


def test_a_connection_without_setting_stops_the_start(app_root: Path) -> None:
    assert "no connection Bus" in refused(app_root, environment={"QUEUE_PREFIX": "any"})


def test_a_missing_host_json_stops_the_start(app_root: Path) -> None:
    (app_root / "host.json").unlink()
    assert "host.json" in refused(app_root)


def test_a_port_that_is_taken_stops_the_start(http_host: RunningHost, app_root: Path) -> None:
    port = http_host.address.rsplit(":", 1)[1]
    assert "cannot listen" in refused(app_root, "--port", port)
