"""local.settings.json, host.json and what app settings make of them."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tools.functions_host.errors import SettingsError
from tools.functions_host.host_json import HostJson, read_host_json
from tools.functions_host.settings import (
    apply_to_environment,
    positive_int,
    read_local_settings,
    resolve_names,
)


def host_json(folder: Path, document: object, **environment: str) -> HostJson:
    (folder / "host.json").write_text(json.dumps(document))
    return read_host_json(folder, environment)


def test_defaults(tmp_path: Path) -> None:
    host = host_json(tmp_path, {"version": "2.0"})
    assert host.function_timeout == timedelta(minutes=30)
    assert host.extensions.http.route_prefix == "api"
    assert host.extensions.service_bus.max_auto_lock_renewal_duration == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("00:10:00", timedelta(minutes=10)), ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4))],
)
def test_timespans(tmp_path: Path, text: str, expected: timedelta) -> None:
    assert host_json(tmp_path, {"version": "2.0", "functionTimeout": text}).function_timeout == expected


@pytest.mark.parametrize("text", ["-1", -1])
def test_an_unbounded_timeout(tmp_path: Path, text: object) -> None:
    assert host_json(tmp_path, {"version": "2.0", "functionTimeout": text}).function_timeout is None


def test_settings_are_laid_over_the_file_in_any_case(tmp_path: Path) -> None:
    document = {"version": "2.0", "Extensions": {"serviceBus": {"maxConcurrentCalls": 3, "other": 1}}}
    host = host_json(
        tmp_path,
        document,
        AzureFunctionsJobHost__extensions__SERVICEBUS__maxconcurrentcalls="7",
        AzureFunctionsJobHost__functionTimeout="00:00:05",
        AzureFunctionsJobHost__extensions__http__routePrefix="v1",
    )
    assert host.extensions.service_bus.max_concurrent_calls == 7
    assert host.function_timeout == timedelta(seconds=5)
    assert host.extensions.http.route_prefix == "v1"


@pytest.mark.parametrize(
    "document",
    [
        {"version": "1.0"},
        {"version": "2.0", "functionTimeout": "soon"},
        {"version": "2.0", "extensions": {"serviceBus": {"maxConcurrentCalls": 0}}},
        {"version": "2.0", "extensions": {"serviceBus": {"autoCompleteMessages": False}}},
    ],
)
def test_an_unusable_host_json(tmp_path: Path, document: object) -> None:
    with pytest.raises(SettingsError):
        host_json(tmp_path, document)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "local.settings.json").write_text('{"Values": {"A": "file", "B": "file"}, "Other": 1}')
    environment = {"A": "environment"}
    apply_to_environment(read_local_settings(tmp_path, None), environment)
    assert environment == {"A": "environment", "B": "file", "AZURE_FUNCTIONS_ENVIRONMENT": "Development"}


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "local.settings.json").write_text('{"Values": {"A": "1"}}', encoding="utf-8-sig")
    assert read_local_settings(tmp_path, None).values == {"A": "1"}


@pytest.mark.parametrize("text", ["{", '{"Values": {"A": {}}}', '{"IsEncrypted": true}'])
def test_an_unusable_settings_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "local.settings.json").write_text(text)
    with pytest.raises(SettingsError):
        read_local_settings(tmp_path, None)


def test_a_named_settings_file_must_exist(tmp_path: Path) -> None:
    assert read_local_settings(tmp_path, None).values == {}
    with pytest.raises(SettingsError):
        read_local_settings(tmp_path, tmp_path / "absent.json")


def test_names_between_percent_signs() -> None:
    assert resolve_names("%A%-%B%-c%", {"A": "1", "B": "2"}) == "1-2-c%"
    with pytest.raises(SettingsError, match="MISSING"):
        resolve_names("%MISSING%", {})


@pytest.mark.parametrize("text", ["0", "-1", "many", "11"])
def test_a_count_out_of_bounds(text: str) -> None:
    with pytest.raises(SettingsError):
        positive_int({"N": text}, "N", default=1, maximum=10)
