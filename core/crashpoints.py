"""Named places between two effects, where a death of the process must cost nothing.

In production `crashpoint` is one test of a name that is None. The laboratory (tools/lab) installs what is
called instead and lets the process die there; tests/chaos/test_crashpoints.py visits every name.
"""

from collections.abc import Callable

NAMES = (
    # the unit of work: what was committed and not yet handed to the relay
    "before_commit",
    "after_commit_before_send",
    "after_statement_before_send",
    # the relay, and the sweep of what it left behind
    "relay_after_read_before_send",
    "relay_after_send_before_delete",
    "sweep_after_read_before_send",
    "sweep_after_send_before_delete",
    # the dispatcher
    "dispatcher_before_release_commit",
    "dispatcher_after_release_commit",
    # one message of a task, from its arrival to its completion
    "task_before_claim",
    "task_after_claim",
    "task_after_handler_before_finish",
    "task_after_failure_before_finish",
    "task_after_finish_before_completion",
    "job_message_before_completion",
    # a job's way from stage to stage, and its end
    "stage_planned_before_commit",
    "stage_advanced_before_wake",
    "job_finalized_before_commit",
    "job_failed_before_commit",
    # people's orders
    "cancel_after_commit",
    "retry_after_commit_before_wake",
    "retry_task_after_commit_before_wake",
    # the janitor
    "janitor_between_duties",
    # the Platform
    "request_before_commit",
    "request_after_commit_before_answer",
    "request_advanced_before_commit",
    "request_failed_before_commit",
    "request_published_before_commit",
    "request_moved_after_commit",
    # what handlers make outside their rows
    "table_announced_before_made",
    "table_made_before_recorded",
    "chunk_sent_before_committed",
    "chunk_loaded_before_recorded",
    "table_filled_before_finished",
    "blob_announced_before_made",
    "blob_made_before_recorded",
)

_visited: Callable[[str], None] | None = None


def crashpoint(name: str) -> None:
    """The process may die here. `name` is one of `NAMES`, used at one place."""
    if _visited is not None:
        _visited(name)


def install(visited: Callable[[str], None] | None) -> None:
    """Have `visited` called at every crash point from now on; None makes them no-ops again."""
    global _visited
    _visited = visited
