-- name: create
INSERT INTO app.jobs (job_id, job_type, parameters, total_stages, metadata, platform_request_id, dataset_key)
VALUES (%(job_id)s, %(job_type)s, %(parameters)s, %(total_stages)s, %(metadata)s,
        %(platform_request_id)s, %(dataset_key)s)
ON CONFLICT (job_id) DO NOTHING
RETURNING job_id

-- name: get
SELECT job_id, job_type, parameters, status, stage, total_stages, result, error, metadata,
       platform_request_id, dataset_key, finalize_attempts, created_at, updated_at, started_at, finished_at
FROM app.jobs WHERE job_id = %(job_id)s

-- name: recent
SELECT job_id, job_type, parameters, status, stage, total_stages, result, error, metadata,
       platform_request_id, dataset_key, finalize_attempts, created_at, updated_at, started_at, finished_at
FROM app.jobs ORDER BY created_at DESC, job_id LIMIT %(limit)s OFFSET %(offset)s

-- name: lock_for_advance
SELECT j.job_id, j.job_type, j.parameters, j.status, j.stage, j.total_stages, j.result, j.error, j.metadata,
       j.platform_request_id, j.dataset_key, j.finalize_attempts, j.created_at, j.updated_at, j.started_at,
       j.finished_at
FROM app.jobs j
WHERE j.job_id = %(job_id)s AND j.stage = %(completed_stage)s AND j.status IN ('queued', 'processing')
  AND (j.stage = 0 OR EXISTS (
      SELECT 1 FROM app.stages s WHERE s.job_id = j.job_id AND s.number = j.stage AND s.status = 'closed'))
FOR UPDATE OF j

-- name: move_to_stage
UPDATE app.jobs
SET stage = %(next_stage)s, status = 'processing', started_at = coalesce(started_at, clock_timestamp()),
    updated_at = clock_timestamp(), hinted_at = clock_timestamp()
WHERE job_id = %(job_id)s AND stage = %(completed_stage)s AND status IN ('queued', 'processing')
RETURNING job_id

-- name: create_stage
INSERT INTO app.stages (job_id, number, name, task_type, task_count, status, closed_at)
VALUES (%(job_id)s, %(number)s, %(name)s, %(task_type)s, %(task_count)s,
        CASE WHEN %(task_count)s = 0 THEN 'closed' ELSE 'open' END,
        CASE WHEN %(task_count)s = 0 THEN clock_timestamp() END)

-- name: create_tasks
INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_key, task_type, target_queue, parameters,
                       max_attempts)
SELECT task_id, %(job_id)s, %(stage)s, task_index, task_key, task_type, target_queue, parameters, max_attempts
FROM jsonb_to_recordset(%(tasks)s) AS t (
    task_id text, task_index integer, task_key text, task_type text, target_queue text, parameters jsonb,
    max_attempts integer)

-- name: stage_failure
SELECT error, count(*) OVER () AS failed_count
FROM app.tasks WHERE job_id = %(job_id)s AND stage = %(stage)s AND status = 'failed'
ORDER BY finished_at, task_index LIMIT 1

-- name: stage_results
SELECT task_id, task_index, result
FROM app.tasks WHERE job_id = %(job_id)s AND stage = %(stage)s AND status = 'completed'
ORDER BY task_index

-- name: stages
SELECT s.job_id, s.number, s.name, s.task_type, s.status, s.task_count, s.opened_at, s.closed_at,
       coalesce((SELECT jsonb_object_agg(c.status, c.n) FROM (
           SELECT t.status, count(*) AS n FROM app.tasks t
           WHERE t.job_id = s.job_id AND t.stage = s.number GROUP BY t.status) c), '{}') AS counts
FROM app.stages s WHERE s.job_id = %(job_id)s ORDER BY s.number

-- name: complete
UPDATE app.jobs
SET status = 'completed', result = %(result)s, finished_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE job_id = %(job_id)s AND status = 'processing'
RETURNING job_id

-- name: fail
UPDATE app.jobs
SET status = 'failed', error = %(error)s, finished_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE job_id = %(job_id)s AND status IN ('queued', 'processing')
RETURNING job_id

-- name: cancel_open_tasks
UPDATE app.tasks
SET status = 'cancelled', lease_until = NULL, finished_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE job_id = %(job_id)s AND status IN ('queued', 'processing', 'pending_retry')

-- name: count_finalize_attempt
UPDATE app.jobs SET finalize_attempts = finalize_attempts + 1, updated_at = clock_timestamp(),
                    hinted_at = clock_timestamp()
WHERE job_id = %(job_id)s
RETURNING finalize_attempts
