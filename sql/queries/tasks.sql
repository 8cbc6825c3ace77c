-- name: claim
SELECT * FROM app.claim_task(%(task_id)s, %(worker)s, %(app_name)s, %(lease)s, %(schema_version)s)

-- name: finish
SELECT applied, outbox_ids FROM app.finish_task(
    %(task_id)s, %(attempt)s, %(status)s, %(result)s, %(error)s, %(retry_after)s, %(jobs_queue)s)

-- name: claim_all
SELECT * FROM app.claim_tasks(%(task_ids)s, %(worker)s, %(app_name)s, %(lease)s, %(schema_version)s)

-- name: complete_all
SELECT task_id, attempt, applied, outbox_ids FROM app.complete_tasks(
    %(task_ids)s, %(attempts)s, %(results)s, %(jobs_queue)s)

-- name: complete_and_take
SELECT task_id, attempt, applied, outbox_ids, taken FROM app.complete_and_take(
    %(task_ids)s, %(attempts)s, %(results)s, %(jobs_queue)s, %(worker)s, %(app_name)s, %(lease)s, %(schema_version)s)

-- name: renew
UPDATE app.tasks t
SET lease_until = clock_timestamp() + %(lease)s, progress = greatest(t.progress, held.progress),
    updated_at = clock_timestamp()
FROM unnest(%(task_ids)s::text[], %(attempts)s::integer[], %(progress)s::real[]) AS held (task_id, attempt, progress),
     app.jobs j
WHERE t.task_id = held.task_id AND t.attempt = held.attempt AND t.lease_until IS NOT NULL
  AND j.job_id = t.job_id AND j.status = 'processing'
RETURNING t.task_id

-- name: list
SELECT task_id, job_id, stage, task_index, task_key, task_type, target_queue, tenant, priority, parameters, status,
       attempt,       max_attempts, run_after, lease_until, worker, executed_by_app, execution_started_at, progress, result,
       error, created_at, updated_at, finished_at
FROM app.tasks
WHERE job_id = %(job_id)s AND (%(stage)s::integer IS NULL OR stage = %(stage)s)
ORDER BY stage, task_index LIMIT %(limit)s OFFSET %(offset)s
