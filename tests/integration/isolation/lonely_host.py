"""A host in a process of its own: see `test_hosts.py`.

Arguments: the app's folder, whether it stands first or last on the import path, the name of a handler, and
its parameter. Prints the handler's answer as JSON.
"""

import platform  # as the worker of Azure Functions does, before the app is there
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any


def main(root: str, order: str, name: str, value: str) -> None:
    sys.path[:] = [root, *sys.path] if order == "first" else [*sys.path, root]
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    import _paths  # noqa: F401
    from services.context import TaskContext
    from services.isolation.runner import TaskRunner
    from tests.integration.isolation import handlers

    handler = handlers.definition(getattr(handlers, name))
    runner = TaskRunner(surroundings=handlers.open_surroundings, handlers={name: handler})
    nothing: Any = None
    with tempfile.TemporaryDirectory() as workspace:
        context = TaskContext(
            job_id="job-1",
            task_id="task-1",
            attempt=1,
            open_workspace=lambda: Path(workspace),
            storage=nothing,
            vectors=nothing,
            artefacts=nothing,
            report=lambda fraction: None,
            is_cancelled=lambda: False,
        )
        print(runner(handler, handlers.Input(value=value), context).model_dump_json())
    assert platform.system() == "Linux"


if __name__ == "__main__":
    main(*sys.argv[1:])
else:
    raise ImportError("the main module of the host must not run again in a child")
