-- What `GET /api/jobs...` shows. Lists are read behind a position, so that a page stays the same when others
-- are added; each list has the order of an index.

-- name: jobs
SELECT job_id, job_type, status, stage, total_stages, tenant, priority, platform_request_id, error,
       created_at, started_at, finished_at, updated_at
FROM app.jobs
WHERE (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(job_type)s::text IS NULL OR job_type = %(job_type)s)
  AND (%(tenant)s::text IS NULL OR tenant = %(tenant)s)
  AND created_at <= coalesce(%(after_created_at)s::timestamptz, 'infinity')
  AND (created_at < coalesce(%(after_created_at)s::timestamptz, 'infinity') OR job_id > %(after_job_id)s::text)
ORDER BY created_at DESC, job_id LIMIT %(limit)s

-- name: job
SELECT job_id, job_type, status, stage, total_stages, tenant, priority, platform_request_id, dataset_key,
       parameters, result, error, holes, finalize_attempts, created_at, started_at, finished_at, updated_at
FROM app.jobs WHERE job_id = %(job_id)s

-- name: stages
SELECT s.number, s.name, s.task_type, s.status, s.task_count, s.allowed_failures, s.opened_at, s.closed_at,
       coalesce((SELECT jsonb_object_agg(c.status, c.number) FROM app.task_counts(s.job_id, s.number) c), '{}') AS counts
FROM app.stages s
WHERE s.job_id = %(job_id)s ORDER BY s.number

-- name: tasks
SELECT task_id, stage, task_index, task_key, task_type, target_queue, status, attempt, max_attempts, progress,
       priority, run_after, executed_by_app, execution_started_at, error, created_at, updated_at, finished_at,
       clock_timestamp() AS asked_at
FROM app.tasks
WHERE job_id = %(job_id)s
  AND (%(stage)s::integer IS NULL OR stage = %(stage)s)
  AND (%(status)s::text IS NULL OR status = %(status)s)
  AND (stage, task_index) > (%(after_stage)s::integer, %(after_index)s::integer)
ORDER BY stage, task_index LIMIT %(limit)s

-- name: task
SELECT task_id, stage, task_index, task_key, task_type, target_queue, status, attempt, max_attempts, progress,
       priority, run_after, executed_by_app, execution_started_at, error, created_at, updated_at, finished_at,
       clock_timestamp() AS asked_at, tenant, parameters, result, lease_until
FROM app.tasks WHERE job_id = %(job_id)s AND task_id = %(task_id)s

-- name: events
-- The life of a job as its rows tell it. The position of an event is (microseconds, kind, number): stable, and
-- increasing in the order of telling. A transaction that commits late must not slip an event in before one that
-- was told already: until the job has ended, events settle for a second first.
WITH job AS (
    SELECT *, finished_at IS NOT NULL AS has_ended FROM app.jobs WHERE job_id = %(job_id)s
), events AS (
    SELECT created_at AS at, 0 AS kind, 0::bigint AS number, 'job_created' AS event,
           jsonb_build_object('job_type', job_type, 'total_stages', total_stages) AS data
    FROM job
    UNION ALL
    SELECT started_at, 1, 0, 'job_started', '{}' FROM job WHERE started_at IS NOT NULL
    UNION ALL
    -- a stage is opened at the beginning of the transaction that starts the job
    SELECT greatest(s.opened_at, CASE WHEN s.number = 1 THEN j.started_at END), 2, s.number, 'stage_opened',
           jsonb_build_object('stage', s.number, 'name', s.name, 'task_count', s.task_count)
    FROM job j JOIN app.stages s ON s.job_id = j.job_id
    UNION ALL
    -- of a hundred thousand tasks, each of these three reads those in its own index only
    SELECT t.finished_at, 3, t.seq, 'task_failed',
           jsonb_build_object('stage', t.stage, 'task_id', t.task_id, 'task_key', t.task_key,
                              'attempt', t.attempt, 'max_attempts', t.max_attempts,
                              'code', t.error ->> 'code', 'message', t.error ->> 'message')
    FROM job j JOIN app.tasks t ON t.job_id = j.job_id WHERE t.status = 'failed'
    UNION ALL
    SELECT t.updated_at, 3, t.seq, 'task_waits_for_retry',
           jsonb_build_object('stage', t.stage, 'task_id', t.task_id, 'task_key', t.task_key,
                              'attempt', t.attempt, 'max_attempts', t.max_attempts,
                              'code', t.error ->> 'code', 'message', t.error ->> 'message')
    FROM job j JOIN app.tasks t ON t.job_id = j.job_id
    WHERE (t.attempt > 1 OR t.status = 'pending_retry') AND t.status = 'pending_retry'
    UNION ALL
    SELECT t.execution_started_at, 4, t.seq, 'task_retried',
           jsonb_build_object('stage', t.stage, 'task_id', t.task_id, 'task_key', t.task_key,
                              'attempt', t.attempt, 'max_attempts', t.max_attempts)
    FROM job j JOIN app.tasks t ON t.job_id = j.job_id
    WHERE (t.attempt > 1 OR t.status = 'pending_retry') AND t.attempt > 1
    UNION ALL
    SELECT s.closed_at, 5, s.number, 'stage_closed', jsonb_build_object('stage', s.number, 'name', s.name)
    FROM job j JOIN app.stages s ON s.job_id = j.job_id WHERE s.closed_at IS NOT NULL
    UNION ALL
    SELECT finished_at, 6, 0, 'job_' || status,
           jsonb_build_object('code', error ->> 'code', 'message', error ->> 'message')
    FROM job WHERE has_ended
), placed AS (
    SELECT (extract(epoch FROM at) * 1000000)::bigint AS microseconds, * FROM events
)
SELECT p.microseconds, p.kind, p.number, p.event, p.at, p.data
FROM placed p CROSS JOIN job j
WHERE (p.microseconds, p.kind, p.number)
      > (%(microseconds)s::bigint, %(kind)s::integer, %(number)s::bigint)
  AND (j.has_ended OR p.at < clock_timestamp() - interval '1 second')
ORDER BY p.microseconds, p.kind, p.number LIMIT %(limit)s

-- name: has_ended
SELECT finished_at IS NOT NULL AS has_ended FROM app.jobs WHERE job_id = %(job_id)s
