"""Whether one client's flood delays another client's single job."""

import statistics
import time
from typing import Any

from tools.bench.measuring.bars import Bar
from tools.bench.measuring.engine_client import EngineClient, NotMeasured

_FINISHED = "SELECT count(*) FROM app.tasks WHERE job_id = %s AND status = 'completed'"


def fairness(client: EngineClient, *, tasks: int, jobs: int) -> tuple[list[Bar], dict[str, Any]]:
    """A client's jobs of one task, alone and beside another's `tasks`; the worst may take 2 x idle + 5 s."""
    idle = [_seconds(client) for _ in range(jobs)]
    flood = client.submit("lab_one_stage", tasks=tasks, tenant="flood")
    while client.ask(_FINISHED, flood)[0] < tasks / 100:
        time.sleep(0.1)
    beside = [_seconds(client) for _ in range(jobs)]
    if client.ask(_FINISHED, flood)[0] >= tasks:
        raise NotMeasured("the flood was over before the other client's jobs were")
    client.discard()
    allowed = 2 * statistics.median(idle) + 5
    bars = [
        Bar("a client's job of one task, idle engine (median)", statistics.median(idle), "s"),
        Bar(f"the same beside another's {tasks:,} tasks (worst)", max(beside), "s", most=allowed),
    ]
    return bars, {"idle_seconds": idle, "beside_seconds": beside}


def _seconds(client: EngineClient) -> float:
    return client.run("lab_one_stage", tasks=1, tenant="single", wait_seconds=300)["total_ms"] / 1000
