"""Work goes on whatever dies: hosts, the broker, the database."""

import random
import time

import pytest

from tools.lab.laboratory import Laboratory


def test_a_host_killed_ten_times_loses_and_doubles_nothing(laboratory: Laboratory) -> None:
    """`kill -9` in the middle of 3 x 25 tasks, with 5 % send failures and 20 % duplicates."""
    chance = random.Random(7)
    host = laboratory.stack.part("standalone")
    jobs = []
    for _ in range(10):
        jobs.append(laboratory.submit("lab_three_stages", tasks=25, milliseconds=100))
        time.sleep(chance.uniform(0.1, 1.2))
        host.kill()
        host.start()
        host.wait_ready()
    assert laboratory.wait(jobs, seconds=120) == dict.fromkeys(jobs, "completed")
    assert laboratory.faults(jobs=10, stages=3, tasks=25) == []


@pytest.mark.parametrize("name", ["broker", "postgres"])
def test_a_server_that_dies_and_comes_back_costs_nothing(laboratory: Laboratory, name: str) -> None:
    part = laboratory.stack.part(name)
    jobs = [laboratory.submit("lab_three_stages", tasks=25, milliseconds=50) for _ in range(3)]
    time.sleep(0.5)
    part.kill()
    time.sleep(1)
    part.start()
    part.wait_ready()
    assert laboratory.wait(jobs, seconds=120) == dict.fromkeys(jobs, "completed")
    assert laboratory.faults(jobs=3, stages=3, tasks=25) == []
    laboratory.stack.part("standalone").raise_if_crashed()
