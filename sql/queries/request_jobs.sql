-- Which job serves which step of a request, and how far it is: platform.request_jobs.

-- name: link
INSERT INTO platform.request_jobs (request_id, step, job_id) VALUES (%(request_id)s, %(step)s, %(job_id)s)

-- name: of_request
SELECT rj.step, j.job_id, j.job_type, j.status, j.stage, j.total_stages, j.result, j.error,
       j.started_at, j.finished_at
FROM platform.request_jobs rj JOIN app.jobs j USING (job_id)
WHERE rj.request_id = %(request_id)s
ORDER BY rj.step

-- name: at_step
-- Without the result, which may be long: clients poll.
SELECT job_id, job_type FROM platform.request_jobs JOIN app.jobs USING (job_id)
WHERE request_id = %(request_id)s AND step = %(step)s

-- name: request_of
SELECT request_id FROM platform.request_jobs WHERE job_id = %(job_id)s

-- name: items_uri
SELECT j.result ->> 'items_uri' AS items_uri
FROM platform.request_jobs rj JOIN app.jobs j USING (job_id) JOIN platform.requests r USING (request_id)
WHERE rj.job_id = %(job_id)s AND j.status = 'completed' AND r.status IN ('pending', 'processing')

-- name: open_stage
-- How far the stage now open is: finished tasks count 1, running ones what they report.
SELECT s.number, s.name, s.task_type, s.status, s.task_count, counted.*
FROM app.jobs j
JOIN app.stages s ON s.job_id = j.job_id AND s.number = j.stage
CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.number) FILTER (WHERE t.is_finished), 0)::bigint AS finished_count,
           coalesce(sum(t.number) FILTER (WHERE t.status = 'failed'), 0)::bigint AS failed_count,
           coalesce(sum(t.number) FILTER (WHERE t.status = 'processing'), 0)::bigint AS running_count,
           coalesce(sum(t.number) FILTER (WHERE t.status = 'pending_retry'), 0)::bigint AS retrying_count,
           coalesce(sum(CASE WHEN t.is_finished THEN t.number ELSE t.progress END), 0)::float AS finished_share
    FROM (SELECT *, status IN ('completed', 'failed', 'cancelled') AS is_finished
          FROM app.task_counts(s.job_id, s.number)) t
) counted
WHERE j.job_id = %(job_id)s

-- name: features
-- What the stage before has planned, table by table, and what the chunks have dealt with so far.
SELECT (SELECT sum((planned ->> 'feature_count')::bigint)::bigint
        FROM app.tasks p, jsonb_array_elements(p.result -> 'tables') planned
        WHERE p.job_id = j.job_id AND p.stage = j.stage - 1 AND p.status = 'completed') AS total,
       (SELECT coalesce(sum((t.result ->> 'loaded')::bigint + (t.result ->> 'rejected')::bigint), 0)::bigint
        FROM app.tasks t
        WHERE t.job_id = j.job_id AND t.stage = j.stage AND t.status = 'completed') AS done
FROM app.jobs j
WHERE j.job_id = %(job_id)s

-- name: raise_progress
-- Progress is shown to people: it never goes back, whatever retries do to the tasks. Whoever asks does not
-- wait for the publication, which holds the row.
UPDATE platform.requests SET progress_percent = %(percent)s
WHERE request_id = (
    SELECT request_id FROM platform.requests
    WHERE request_id = %(request_id)s AND status IN ('pending', 'processing') AND progress_percent < %(percent)s
    FOR UPDATE SKIP LOCKED)
RETURNING progress_percent

-- name: count_finalize_attempt
UPDATE platform.requests
SET processing_metadata = processing_metadata || jsonb_build_object(
        'finalize_attempts', coalesce((processing_metadata ->> 'finalize_attempts')::integer, 0) + 1),
    updated_at = clock_timestamp()
WHERE request_id = %(request_id)s AND status IN ('pending', 'processing')
RETURNING (processing_metadata ->> 'finalize_attempts')::integer AS attempts

-- name: lock_jobs
-- Keeps the janitor from what they have made; it skips what is locked.
SELECT j.job_id FROM platform.request_jobs rj JOIN app.jobs j USING (job_id)
WHERE rj.request_id = %(request_id)s ORDER BY rj.step FOR NO KEY UPDATE OF j

-- name: has_lost_results
-- Whether something is swept that a done job of the request has left for those after it.
SELECT EXISTS (
    SELECT FROM platform.request_jobs rj
    JOIN app.jobs j USING (job_id) JOIN app.tasks t USING (job_id) JOIN app.artefacts a USING (job_id, task_id, attempt)
    WHERE rj.request_id = %(request_id)s AND j.status = 'completed' AND t.status = 'completed'
      AND a.state = 'discarded') AS has_lost

-- name: pending_requests_whose_job_ended
-- The janitor's question: the job has told its end, and nobody has heard it.
SELECT rj.job_id
FROM platform.requests r
JOIN platform.request_jobs rj ON rj.request_id = r.request_id AND rj.step = r.current_job_index
JOIN app.jobs j USING (job_id)
WHERE r.status IN ('pending', 'processing') AND j.finished_at < clock_timestamp() - %(older_than)s::interval
ORDER BY j.finished_at
LIMIT %(limit)s
