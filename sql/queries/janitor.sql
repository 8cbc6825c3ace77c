-- Each statement finds work that a lost message or a lost worker left lying, puts it back in motion, and
-- returns one row per case. `hinted_at` keeps it from being put back again before the message had a chance.

-- name: known_processes
SELECT worker AS name FROM app.tasks WHERE status = 'processing' AND worker IS NOT NULL
UNION
SELECT instance FROM app.listeners

-- name: forget_listeners
DELETE FROM app.listeners WHERE instance = ANY(%(gone)s)

-- name: end_leases_of
UPDATE app.tasks SET lease_until = clock_timestamp(), updated_at = clock_timestamp()
WHERE status = 'processing' AND worker = ANY(%(gone)s) AND lease_until > clock_timestamp()

-- name: expired_leases
WITH expired AS (
    SELECT task_id FROM app.tasks
    WHERE status = 'processing' AND lease_until < clock_timestamp() AND attempt < max_attempts
    ORDER BY lease_until LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), requeued AS (
    UPDATE app.tasks t
    SET status = 'pending_retry', lease_until = NULL, run_after = clock_timestamp(), hinted_at = clock_timestamp(), hints = 0,
        updated_at = clock_timestamp()
    FROM expired WHERE t.task_id = expired.task_id
    RETURNING t.task_id, t.target_queue, t.schema_version
)
SELECT app.add_to_outbox(target_queue, jsonb_build_object(
    'schema_version', schema_version, 'message_type', 'task', 'task_id', task_id)) AS id
FROM requeued

-- name: worn_out_tasks
SELECT task_id, job_id, stage, attempt, max_attempts FROM app.tasks
WHERE status = 'processing' AND lease_until < clock_timestamp() AND attempt >= max_attempts
ORDER BY lease_until LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: silent_tasks
WITH silent AS (
    SELECT t.task_id FROM app.tasks t JOIN app.jobs j USING (job_id)
    WHERE t.status IN ('queued', 'pending_retry') AND j.status = 'processing'
      AND t.run_after <= clock_timestamp()
      AND t.hinted_at < clock_timestamp() - %(silence)s * power(2, t.hints)
      AND t.created_at < clock_timestamp() - %(silence)s
    ORDER BY t.hinted_at LIMIT %(limit)s FOR UPDATE OF t SKIP LOCKED
), hinted AS (
    UPDATE app.tasks t SET hinted_at = clock_timestamp(), hints = least(t.hints + 1, 10)
    FROM silent WHERE t.task_id = silent.task_id
    RETURNING t.task_id, t.target_queue, t.schema_version
)
SELECT app.add_to_outbox(target_queue, jsonb_build_object(
    'schema_version', schema_version, 'message_type', 'task', 'task_id', task_id)) AS id
FROM hinted

-- name: silent_jobs
-- Not started, or standing at a stage that is closed: to be advanced by whoever asks, if it is new enough.
WITH silent AS (
    SELECT j.job_id FROM app.jobs j
    LEFT JOIN app.stages s ON s.job_id = j.job_id AND s.number = j.stage
    WHERE j.finished_at IS NULL AND (j.stage = 0 OR s.status = 'closed')
      AND j.hinted_at < clock_timestamp() - %(silence)s
      AND coalesce(s.closed_at, j.created_at) < clock_timestamp() - %(silence)s
      AND app.job_version(j.job_id, j.stage) <= %(schema_version)s
    ORDER BY j.hinted_at LIMIT %(limit)s FOR UPDATE OF j SKIP LOCKED
)
UPDATE app.jobs j SET hinted_at = clock_timestamp() FROM silent WHERE j.job_id = silent.job_id
RETURNING j.job_id, j.stage

-- name: lights_left_on
-- An open stage without an open task cannot arise from our transactions; if it does, it must not last.
SELECT app.close_stage_if_done(s.job_id, s.number, %(jobs_queue)s) AS id
FROM app.stages s JOIN app.jobs j ON j.job_id = s.job_id AND j.stage = s.number AND j.status = 'processing'
WHERE s.status = 'open' AND s.opened_at < clock_timestamp() - %(silence)s
  AND NOT EXISTS (SELECT 1 FROM app.tasks t WHERE t.job_id = s.job_id AND t.stage = s.number
                  AND t.finished_at IS NULL)
LIMIT %(limit)s
