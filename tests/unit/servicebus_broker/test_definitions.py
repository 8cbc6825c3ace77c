"""Queue definitions: read strictly, refused when they ask for what is not there."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tools.servicebus_broker.engine.definitions import DefinitionError, load_definitions

ROOT = Path(__file__).resolve().parents[3]


def load(directory: Path, *queues: dict[str, Any]) -> Any:
    path = directory / "queues.json"
    path.write_text(json.dumps({"queues": queues}))
    return load_definitions(path)


def test_the_platforms_own_queues_are_served() -> None:
    queues = {queue.name: queue.properties for queue in load_definitions(ROOT / "sql" / "queues.json")}
    assert queues["raster-tasks"].lock_duration == timedelta(minutes=5)
    assert all(properties.requires_duplicate_detection for properties in queues.values())


def test_defaults(tmp_path: Path) -> None:
    (queue,) = load(tmp_path, {"name": "q"})
    assert queue.properties.lock_duration == timedelta(minutes=1)
    assert queue.properties.max_delivery_count == 10
    assert queue.properties.default_message_time_to_live is None


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"requiresSession": True}, "no sessions"),
        ({"forwardTo": "other"}, "forwardTo"),
        ({"lockDuration": "PT6M"}, "lockDuration"),
        ({"lockDuration": "PT0S"}, "lockDuration"),
        ({"lockDuration": "1 minute"}, "not an ISO 8601 duration"),
        ({"defaultMessageTimeToLive": "P1M"}, "not fixed"),
        ({"maxDeliveryCount": 0}, "maxDeliveryCount"),
    ],
)
def test_refusals(tmp_path: Path, properties: dict[str, Any], reason: str) -> None:
    with pytest.raises(DefinitionError, match=reason):
        load(tmp_path, {"name": "q", "properties": properties})


@pytest.mark.parametrize("name", ["", "q/$management", "$cbs", "-q", "q ueue"])
def test_names_that_cannot_be_addressed(tmp_path: Path, name: str) -> None:
    with pytest.raises(DefinitionError):
        load(tmp_path, {"name": name})


def test_names_are_unique_whatever_their_case(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="same name"):
        load(tmp_path, {"name": "q"}, {"name": "Q"})


def test_a_missing_or_broken_file(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError):
        load_definitions(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(DefinitionError):
        load_definitions(tmp_path / "broken.json")
