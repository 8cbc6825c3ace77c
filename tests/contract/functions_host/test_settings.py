"""Settings, their precedence, and what keeps the host from starting."""

import json
from pathlib import Path

import pytest

from tests.contract.functions_host.running import RunningHost, running_host


def write_settings(root: Path, **values: str) -> None:
    (root / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": values}))


def refused(root: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """The log of a host that does not start."""
    host = RunningHost(root, environment=environment or {}, arguments=arguments)
    try:
        assert host.process.wait(20) == 3
        return host.log_text()
    finally:
        host.close()


def test_settings_are_complete_before_the_app_is_imported(app_root: Path) -> None:
    write_settings(app_root, FROM_FILE="file", FROM_BOTH="file")
    with running_host(app_root, environment={"FROM_BOTH": "environment"}) as host:
        [imported] = host.trace("import")
    assert imported["cwd"] == str(app_root)
    seen = imported["environment"]
    assert (seen["FROM_FILE"], seen["FROM_BOTH"]) == ("file", "environment")
    assert seen["AZURE_FUNCTIONS_ENVIRONMENT"] == "Development"


def test_another_settings_file(app_root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"Values": {"FROM_FILE": "other"}}')
    with running_host(app_root, "--settings", str(other)) as host:
        assert host.trace("import")[0]["environment"]["FROM_FILE"] == "other"


@pytest.mark.parametrize(
    "name",
    [
        "AzureFunctionsJobHost__extensions__http__routePrefix",
        "AZUREFUNCTIONSJOBHOST__Extensions__HTTP__routeprefix",
    ],
)
def test_app_settings_override_host_json(app_root: Path, name: str) -> None:
    with running_host(app_root, environment={name: ""}) as host:
        assert host.get("/echo").status == 200
        assert host.get("/api/echo").status == 404


def test_a_disabled_function_is_404(app_root: Path) -> None:
    with running_host(app_root, environment={"AzureWebJobs.switched_off.Disabled": "true"}) as host:
        assert host.get("/api/switched/off").status == 404
        assert host.get("/api/echo").status == 200


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
    assert "no connection Bus" in refused(app_root, environment={"TASKS_QUEUE": "tasks"})


def test_a_missing_host_json_stops_the_start(app_root: Path) -> None:
    (app_root / "host.json").unlink()
    assert "host.json" in refused(app_root)


def test_a_port_that_is_taken_stops_the_start(http_host: RunningHost, app_root: Path) -> None:
    port = http_host.address.rsplit(":", 1)[1]
    assert "cannot listen" in refused(app_root, "--port", port)
