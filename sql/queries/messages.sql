-- name: promise
SELECT app.add_to_outbox(%(queue)s, %(body)s, %(delay)s) AS id

-- name: hint_task
UPDATE app.tasks SET hinted_at = clock_timestamp() + %(delay)s WHERE task_id = %(task_id)s AND status IN ('pending_queue', 'queued', 'processing', 'pending_retry')

-- name: hint_job
UPDATE app.jobs SET hinted_at = clock_timestamp() + %(delay)s WHERE job_id = %(job_id)s
