-- name: create
INSERT INTO app.jobs (job_id, job_type, parameters, total_stages, metadata, tenant, priority,
                      platform_request_id, dataset_key, schema_version)
VALUES (%(job_id)s, %(job_type)s, %(parameters)s, %(total_stages)s, %(metadata)s, %(tenant)s, %(priority)s,
        %(platform_request_id)s, %(dataset_key)s, %(schema_version)s)
ON CONFLICT (job_id) DO NOTHING
RETURNING job_id

-- name: get
SELECT job_id, job_type, parameters, status, stage, total_stages, result, error, metadata,
       holes, tenant, priority, platform_request_id, dataset_key, finalize_attempts, run, created_at, updated_at, started_at, finished_at
FROM app.jobs WHERE job_id = %(job_id)s

-- name: lock_for_advance
SELECT j.job_id, j.job_type, j.parameters, j.status, j.stage, j.total_stages, j.result, j.error, j.metadata,
       j.holes, j.tenant, j.priority, j.platform_request_id, j.dataset_key, j.finalize_attempts, j.run, j.created_at,
       j.updated_at, j.started_at, j.finished_at
FROM app.jobs j
WHERE j.job_id = %(job_id)s AND j.stage = %(completed_stage)s AND j.status IN ('queued', 'processing')
  AND j.schema_version <= %(schema_version)s
  AND (j.stage = 0 OR EXISTS (
      SELECT 1 FROM app.stages s WHERE s.job_id = j.job_id AND s.number = j.stage AND s.status = 'closed'))
FOR UPDATE OF j

-- name: move_to_stage
UPDATE app.jobs
SET stage = %(next_stage)s, status = 'processing', schema_version = greatest(schema_version, %(schema_version)s),
    started_at = coalesce(started_at, clock_timestamp()),
    updated_at = clock_timestamp(), hinted_at = clock_timestamp()
WHERE job_id = %(job_id)s AND stage = %(completed_stage)s AND status IN ('queued', 'processing')
RETURNING job_id

-- name: create_stage
INSERT INTO app.stages (job_id, number, name, task_type, task_count)
VALUES (%(job_id)s, %(number)s, %(name)s, %(task_type)s, 0)

-- name: count_tasks_of_stage
UPDATE app.stages
SET task_count = %(task_count)s, untouched_from = 0, allowed_failures = %(allowed_failures)s,
    status = CASE WHEN %(task_count)s = 0 THEN 'closed' ELSE 'open' END,
    closed_at = CASE WHEN %(task_count)s = 0 THEN clock_timestamp() END
WHERE job_id = %(job_id)s AND number = %(number)s

-- name: copy_tasks
COPY app.tasks (task_id, job_id, stage, task_index, task_key, task_type, target_queue, parameters,
                max_attempts, tenant, priority, schema_version)
FROM STDIN

-- name: stage_failures
-- The first failed tasks, how many there are, and how many the stage's policy allows.
SELECT t.error, t.task_index, t.task_key, count(*) OVER () AS failed_count, s.allowed_failures
FROM app.tasks t JOIN app.stages s ON s.job_id = t.job_id AND s.number = t.stage
WHERE t.job_id = %(job_id)s AND t.stage = %(stage)s AND t.status = 'failed'
ORDER BY t.finished_at, t.task_index LIMIT %(limit)s

-- name: add_holes
UPDATE app.jobs SET holes = holes || %(holes)s::jsonb WHERE job_id = %(job_id)s

-- name: count_results
SELECT count(*) AS number FROM app.tasks
WHERE job_id = %(job_id)s AND stage = %(stage)s AND status = 'completed'

-- name: page_of_results
-- A task that failed and was let pass is there as a hole, so that whoever reads the results can name it.
SELECT task_id, task_index, coalesce(result, '{}') AS result,
       CASE WHEN status = 'failed' THEN jsonb_build_object(
           'stage', stage, 'task_index', task_index, 'task_key', task_key, 'code', error ->> 'code') END AS hole
FROM app.tasks
WHERE job_id = %(job_id)s AND stage = %(stage)s AND status IN ('completed', 'failed') AND task_index > %(after)s
ORDER BY task_index LIMIT %(limit)s

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

-- name: cancel
UPDATE app.jobs
SET status = 'cancelled', error = %(error)s, finished_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE job_id = %(job_id)s AND status IN ('queued', 'processing')
RETURNING job_id

-- name: lock
SELECT job_id FROM app.jobs WHERE job_id = %(job_id)s FOR UPDATE

-- name: has_lost_results
-- What failed and cancelled jobs have staged is swept, also what their completed tasks made.
SELECT task_id FROM app.tasks t JOIN app.artefacts a USING (job_id, task_id, attempt)
WHERE job_id = %(job_id)s AND t.stage < %(before_stage)s AND t.status = 'completed' AND a.state = 'discarded'
LIMIT 1

-- name: close_stage
UPDATE app.stages SET status = 'closed', closed_at = clock_timestamp()
WHERE job_id = %(job_id)s AND number = %(stage)s AND status = 'open'

-- name: open_stage_again
UPDATE app.stages SET status = 'open', closed_at = NULL WHERE job_id = %(job_id)s AND number = %(stage)s

-- name: restart_task
-- The siblings that its failure cancelled were never tried: they run as well.
UPDATE app.tasks
SET status = 'pending_queue', max_attempts = attempt + %(attempts)s, run_after = clock_timestamp(),
    lease_until = NULL, result = NULL, error = NULL, progress = 0, finished_at = NULL,
    hinted_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE job_id = %(job_id)s AND stage = %(stage)s
  AND (task_id = %(task_id)s AND status = 'failed' OR status = 'cancelled')
  AND EXISTS (SELECT 1 FROM app.tasks t WHERE t.task_id = %(task_id)s AND t.job_id = %(job_id)s
              AND t.stage = %(stage)s AND t.status IN ('failed', 'cancelled'))
RETURNING task_id

-- name: restart
-- Whoever goes back plans tasks anew, which must not be taken for those that are forgotten: another run.
UPDATE app.jobs
SET status = CASE WHEN %(stage)s = 0 THEN 'queued' ELSE 'processing' END, stage = %(stage)s,
    run = run + (%(stage)s = 0 OR %(stage)s < stage)::integer, result = NULL, error = NULL,
    holes = '[]', finalize_attempts = 0, finished_at = NULL, updated_at = clock_timestamp(), hinted_at = clock_timestamp()
WHERE job_id = %(job_id)s

-- name: forget_stages
DELETE FROM app.stages WHERE job_id = %(job_id)s AND number > %(stage)s

-- name: reopen_stage
SELECT app.reopen_stage(%(job_id)s, %(stage)s, %(all_tasks)s, %(attempts)s) AS tasks

-- name: cancel_open_tasks
UPDATE app.tasks
SET status = 'cancelled', lease_until = NULL, finished_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE job_id = %(job_id)s AND finished_at IS NULL

-- name: count_finalize_attempt
UPDATE app.jobs SET finalize_attempts = finalize_attempts + 1, updated_at = clock_timestamp(),
                    hinted_at = clock_timestamp()
WHERE job_id = %(job_id)s
RETURNING finalize_attempts
