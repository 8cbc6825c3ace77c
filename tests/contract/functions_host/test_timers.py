"""Timer functions."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.contract.functions_host.running import running_host, wait_until

EVERY_SECOND = {"TICK_SCHEDULE": "* * * * * *"}


def test_a_timer_runs_on_startup_and_then_on_schedule(app_root: Path) -> None:
    with running_host(app_root, environment=EVERY_SECOND) as host:
        wait_until(lambda: len(host.trace("tick")) >= 3)
        ticks = host.trace("tick")
    assert [tick["past_due"] for tick in ticks[:3]] == [False] * 3
    # The first comes at once, the others at the turn of a second.
    for tick in ticks[1:3]:
        assert tick["time"] % 1 < 0.5
    following = datetime.fromisoformat(ticks[1]["status"]["Next"])
    assert following - datetime.fromtimestamp(ticks[1]["time"], UTC) <= timedelta(seconds=1)


def test_a_timer_never_overlaps_and_makes_up_for_what_it_missed_once(app_root: Path) -> None:
    with running_host(app_root, environment=EVERY_SECOND) as host:
        wait_until(lambda: len(host.trace("slow_tick_ended")) >= 3)
        started = [line["time"] for line in host.trace("slow_tick_started")]
        ended = [line["time"] for line in host.trace("slow_tick_ended")]
        late = [line["past_due"] for line in host.trace("slow_tick_started")]
    assert all(end <= start for end, start in zip(ended, started[1:], strict=False))
    assert late[:3] == [False, True, False]


def test_one_worker_of_several_runs_the_timers(app_root: Path) -> None:
    environment = {**EVERY_SECOND, "FUNCTIONS_WORKER_PROCESS_COUNT": "2"}
    with running_host(app_root, environment=environment) as host:
        wait_until(lambda: len(host.trace("import")) == 2 and len(host.trace("tick")) >= 3)
        assert len({tick["pid"] for tick in host.trace("tick")}) == 1


def test_an_occurrence_missed_while_the_host_was_down_is_past_due(app_root: Path, tmp_path: Path) -> None:
    state = tmp_path / "timers.json"
    with running_host(app_root, "--timer-state", str(state), environment=EVERY_SECOND) as host:
        wait_until(lambda: state.exists() and "yearly" in json.loads(state.read_text())["next_due"])
        assert host.trace("yearly") == []
    saved = json.loads(state.read_text())
    saved["next_due"]["yearly"] = "2020-01-01T00:00:00Z"
    state.write_text(json.dumps(saved))
    with running_host(app_root, "--timer-state", str(state), environment=EVERY_SECOND) as host:
        [run] = wait_until(lambda: host.trace("yearly"))
        assert run["past_due"] is True
    assert not json.loads(state.read_text())["next_due"]["yearly"].startswith("2020")
