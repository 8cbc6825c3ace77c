"""What must hold of the database whenever the engine is at rest; asked in SQL only."""

import psycopg

_BROKEN = {
    "a completed job with an unfinished task": """
        SELECT j.job_id FROM app.jobs j JOIN app.tasks t USING (job_id)
        WHERE j.status = 'completed' AND t.status <> 'completed'""",
    "a completed job with an open stage": """
        SELECT j.job_id FROM app.jobs j JOIN app.stages s USING (job_id)
        WHERE j.status = 'completed' AND s.status <> 'closed'""",
    "a completed job that skipped a stage": """
        SELECT j.job_id FROM app.jobs j WHERE j.status = 'completed'
        AND (SELECT count(*) FROM app.stages s WHERE s.job_id = j.job_id) <> j.total_stages""",
    "a stage with more or fewer tasks than were planned": """
        SELECT s.job_id FROM app.stages s WHERE s.task_count <>
        (SELECT count(*) FROM app.tasks t WHERE t.job_id = s.job_id AND t.stage = s.number)""",
    "an ended job with an open task": """
        SELECT j.job_id FROM app.jobs j JOIN app.tasks t USING (job_id)
        WHERE j.status IN ('completed', 'failed', 'cancelled')
        AND t.status IN ('queued', 'processing', 'pending_retry')""",
    "more attempts than allowed": "SELECT task_id FROM app.tasks WHERE attempt > max_attempts",
    "a session-level advisory lock": """
        SELECT pid FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())""",
}


def assert_invariants(url: str) -> None:
    """Fail with the name of each invariant that is broken, and where."""
    with psycopg.connect(url) as connection:
        broken = {
            name: rows for name, query in _BROKEN.items() if (rows := connection.execute(query).fetchall())
        }
    assert broken == {}
