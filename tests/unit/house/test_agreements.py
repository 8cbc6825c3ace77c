"""What is written in two places says the same in both."""

import json
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from _paths import ROOT
from config.defaults import VERSION
from config.queue_config import QueueConfig
from core.models.job import JOB_TRANSITIONS, JobStatus
from core.models.stage import StageStatus
from core.models.task import TASK_TRANSITIONS, TaskStatus
from core.schema.queue import QueueRole
from geo_platform.states import DATASET_TRANSITIONS, DatasetStatus, RequestStatus
from tools.checks.settings_page import settings_of_config

SCHEMA = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "sql" / "schema").glob("*.sql")))
TABLES = dict(re.findall(r"CREATE TABLE ([\w.]+) \(\n(.*?)\n\);", SCHEMA, re.DOTALL))
STATUSES: Mapping[str, type[StrEnum]] = {
    "app.jobs": JobStatus,
    "app.stages": StageStatus,
    "app.tasks": TaskStatus,
    "app.datasets": DatasetStatus,
    "platform.requests": RequestStatus,
}
TRANSITIONS: list[Mapping[Any, frozenset[Any]]] = [JOB_TRANSITIONS, TASK_TRANSITIONS, DATASET_TRANSITIONS]


def _words(text: str) -> set[str]:
    return set(re.findall(r"'(\w+)'", text))


@pytest.mark.parametrize("table", STATUSES)
def test_the_states_are_those_of_the_schema(table: str) -> None:
    column = re.search(
        r"^ +status\b.*?CHECK \(\s*status IN \((.*?)\)", TABLES[table], re.DOTALL | re.MULTILINE
    )
    assert column
    assert {str(status) for status in STATUSES[table]} == _words(column[1])


@pytest.mark.parametrize(
    ("table", "column"),
    [("app.jobs", "finished_at"), ("app.tasks", "finished_at"), ("platform.requests", "completed_at")],
)
def test_the_states_that_end_are_those_of_the_schema(table: str, column: str) -> None:
    ended = re.search(rf"\({column} IS NOT NULL\) = \(status IN \((.*?)\)\)", TABLES[table])
    assert ended
    statuses: Any = STATUSES[table]
    assert {str(status) for status in statuses if status.is_terminal} == _words(ended[1])


@pytest.mark.parametrize("table", TRANSITIONS, ids=lambda table: type(next(iter(table))).__name__)
def test_a_transition_table_is_whole(table: Mapping[Any, frozenset[Any]]) -> None:
    """Every state has a row, and can be reached from the first one."""
    states: list[Any] = list(type(next(iter(table))).__members__.values())
    assert set(table) == set(states)
    reached, new = set(), {states[0]}
    while new:
        reached |= new
        new = {target for state in new for target in table[state]} - reached
    assert reached == set(states)


@pytest.mark.parametrize("table", [JOB_TRANSITIONS, TASK_TRANSITIONS])
def test_only_a_retry_leads_out_of_a_state_that_ends(table: Mapping[Any, frozenset[Any]]) -> None:
    """Completed work stays completed; what failed or was cancelled goes back to where work waits."""
    waiting = {"queued", "processing", "pending_queue"}
    for state in table:
        if state.is_terminal:
            assert table[state] <= waiting
            assert bool(table[state]) == (state != "completed")


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION


def test_the_default_queues_are_those_that_are_made() -> None:
    definitions = json.loads((ROOT / "sql" / "queues.json").read_text("utf-8"))["queues"]
    defaults = {
        role: QueueConfig.model_fields[f"{role.value.removesuffix('_tasks')}_tasks_queue"].default
        for role in set(QueueRole) - {QueueRole.JOBS}
    } | {QueueRole.JOBS: QueueConfig.model_fields["jobs_queue"].default}
    assert {queue["role"]: queue["name"] for queue in definitions} == defaults


def test_example_settings_name_settings_that_exist() -> None:
    """`local.settings.example.json` starts an app: all its values are ours, or the Functions host's."""
    example = json.loads((ROOT / "local.settings.example.json").read_text("utf-8"))["Values"]
    hosts = {name for name in example if name.startswith(("FUNCTIONS_", "AzureWebJobs"))}
    assert set(example) - hosts - {setting.name for setting in settings_of_config()} == set()
