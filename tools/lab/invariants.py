"""What must hold of the database whenever the engine is at rest; asked in SQL only."""

from typing import Any

import psycopg

_BROKEN = {
    "a completed job with an unfinished task": """
        SELECT j.job_id FROM app.jobs j JOIN app.tasks t USING (job_id)
        JOIN app.stages s ON s.job_id = t.job_id AND s.number = t.stage
        WHERE j.status = 'completed' AND t.status <> 'completed'
        AND NOT (t.status = 'failed' AND s.allowed_failures IS DISTINCT FROM 0)""",
    "a completed job with an open stage": """
        SELECT j.job_id FROM app.jobs j JOIN app.stages s USING (job_id)
        WHERE j.status = 'completed' AND s.status <> 'closed'""",
    "a completed job that skipped a stage": """
        SELECT j.job_id FROM app.jobs j WHERE j.status = 'completed'
        AND (SELECT count(*) FROM app.stages s WHERE s.job_id = j.job_id) <> j.total_stages""",
    "a stage with more or fewer tasks than were planned": """
        SELECT s.job_id FROM app.stages s WHERE s.task_count <>
        (SELECT count(*) FROM app.tasks t WHERE t.job_id = s.job_id AND t.stage = s.number)""",
    "a stage whose tasks are counted wrongly": """
        SELECT s.job_id, s.number FROM app.stages s
        WHERE (SELECT jsonb_object_agg(c.status, c.number) FROM app.task_counts(s.job_id, s.number) c)
        IS DISTINCT FROM (
            SELECT jsonb_object_agg(status, number) FROM (
                SELECT t.status, count(*) AS number FROM app.tasks t
                WHERE t.job_id = s.job_id AND t.stage = s.number GROUP BY t.status) by_status)""",
    "an ended job with an open task": """
        SELECT j.job_id FROM app.jobs j JOIN app.tasks t USING (job_id)
        WHERE j.status IN ('completed', 'failed', 'cancelled')
        AND t.status IN ('pending_queue', 'queued', 'processing', 'pending_retry')""",
    "a completed job with more failures than its policy allows": """
        SELECT s.job_id, s.number FROM app.stages s JOIN app.jobs j USING (job_id)
        WHERE j.status = 'completed' AND s.allowed_failures < (
            SELECT count(*) FROM app.tasks t
            WHERE t.job_id = s.job_id AND t.stage = s.number AND t.status = 'failed')""",
    "more attempts than allowed": "SELECT task_id FROM app.tasks WHERE attempt > max_attempts",
    "a session-level advisory lock": """
        SELECT pid FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())""",
}


def broken_invariants(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """The invariants that do not hold, by name, each with the rows that break it."""
    with psycopg.connect(url) as connection:
        return {
            name: rows for name, query in _BROKEN.items() if (rows := connection.execute(query).fetchall())
        }
