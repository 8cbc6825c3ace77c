-- What clients asked for: platform.requests.

-- name: insert
INSERT INTO platform.requests (
    request_id, dataset_key, revision, client_id, client_request_id, dataset_id, resource_id, version_id,
    request_type, source_path, processing_config, original_request, fingerprint, job_chain,
    processing_metadata, status_message
) VALUES (
    %(request_id)s, %(dataset_key)s, %(revision)s, %(client_id)s, %(client_request_id)s, %(dataset_id)s,
    %(resource_id)s, %(version_id)s, %(request_type)s, %(source_path)s, %(processing_config)s,
    %(original_request)s, %(fingerprint)s, %(job_chain)s, %(processing_metadata)s, %(status_message)s
)
ON CONFLICT DO NOTHING
RETURNING request_id

-- name: by_id
-- A request is `processing` from the moment its first job is: nobody has to tell it.
SELECT r.request_id, r.dataset_key, r.revision, r.client_id, r.client_request_id, r.dataset_id, r.resource_id,
       r.version_id, r.request_type, r.source_path, r.processing_config, r.fingerprint,
       CASE WHEN r.status = 'pending' AND j.started_at IS NOT NULL THEN 'processing' ELSE r.status END AS status,
       r.progress_percent, r.status_message, r.job_chain, r.current_job_index, r.endpoints, r.stac_metadata,
       r.data_characteristics, r.warnings, r.error, r.processing_metadata, r.created_at,
       coalesce(r.started_at, j.started_at) AS started_at, r.completed_at, r.updated_at,
       d.collection_id, d.namespace
FROM platform.requests r
JOIN app.datasets d USING (dataset_key)
LEFT JOIN platform.request_jobs rj ON rj.request_id = r.request_id AND rj.step = 0
LEFT JOIN app.jobs j ON j.job_id = rj.job_id
WHERE r.request_id = %(request_id)s

-- name: original
SELECT original_request FROM platform.requests WHERE request_id = %(request_id)s

-- name: id_of_dataset
SELECT request_id FROM platform.current_requests WHERE dataset_key = %(dataset_key)s

-- name: lock
SELECT request_id FROM platform.requests WHERE request_id = %(request_id)s FOR UPDATE

-- name: advance
-- Compare-and-set on the step: zero rows mean that somebody else has done it. The chain may have been
-- revised by what the step has found out.
UPDATE platform.requests
SET current_job_index = %(next_step)s, job_chain = %(job_chain)s, status = 'processing',
    status_message = %(status_message)s,
    started_at = coalesce(started_at, %(started_at)s), updated_at = clock_timestamp()
WHERE request_id = %(request_id)s AND current_job_index = %(completed_step)s
  AND status IN ('pending', 'processing')
RETURNING request_id

-- name: complete
UPDATE platform.requests
SET status = 'completed', progress_percent = 100, status_message = %(status_message)s,
    current_job_index = jsonb_array_length(job_chain),
    endpoints = %(endpoints)s, stac_metadata = %(stac_metadata)s,
    data_characteristics = %(data_characteristics)s, warnings = %(warnings)s,
    started_at = coalesce(started_at, %(started_at)s), completed_at = clock_timestamp(),
    updated_at = clock_timestamp()
WHERE request_id = %(request_id)s AND current_job_index = %(completed_step)s
  AND status IN ('pending', 'processing')
RETURNING request_id

-- name: fail
UPDATE platform.requests
SET status = 'failed', error = %(error)s, status_message = %(status_message)s,
    started_at = coalesce(started_at, %(started_at)s), completed_at = clock_timestamp(),
    updated_at = clock_timestamp()
WHERE request_id = %(request_id)s AND status IN ('pending', 'processing')
RETURNING request_id

-- name: reopen
UPDATE platform.requests
SET status = 'processing', error = NULL, completed_at = NULL, status_message = %(status_message)s,
    processing_metadata = processing_metadata - 'finalize_attempts', updated_at = clock_timestamp()
WHERE request_id = %(request_id)s AND status = 'failed'
RETURNING request_id

-- name: revisions
SELECT revision, version_id, request_id, status, created_at, completed_at
FROM platform.requests WHERE dataset_key = %(dataset_key)s
ORDER BY revision DESC LIMIT 50

-- name: durations
-- Seconds from the ask to the end, of the latest completed requests of the type.
SELECT count(*) AS sample_count,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90
FROM (
    SELECT extract(epoch FROM completed_at - created_at)::float AS seconds
    FROM platform.requests
    WHERE request_type = %(request_type)s AND status = 'completed'
    ORDER BY created_at DESC LIMIT 50
) latest

-- name: page
-- Keyset: newest first, after the (created_at, request_id) of the last one seen.
SELECT r.request_id, r.dataset_key, r.client_request_id, r.dataset_id, r.resource_id, r.version_id,
       r.request_type, r.revision,
       CASE WHEN r.status = 'pending' AND j.started_at IS NOT NULL THEN 'processing' ELSE r.status END AS status,
       r.progress_percent, r.status_message, r.created_at, r.completed_at
FROM platform.requests r
LEFT JOIN platform.request_jobs rj ON rj.request_id = r.request_id AND rj.step = 0
LEFT JOIN app.jobs j ON j.job_id = rj.job_id
WHERE (%(after_created_at)s::timestamptz IS NULL
       OR (r.created_at, r.request_id) < (%(after_created_at)s::timestamptz, %(after_request_id)s))
  AND (%(status)s::text IS NULL
       OR CASE WHEN r.status = 'pending' AND j.started_at IS NOT NULL THEN 'processing' ELSE r.status END
          = %(status)s)
  AND (%(client_id)s::text IS NULL OR r.client_id = %(client_id)s)
  AND (%(request_type)s::text IS NULL OR r.request_type = %(request_type)s)
  AND (%(since)s::timestamptz IS NULL OR r.created_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR r.created_at < %(until)s::timestamptz)
  AND (%(text)s::text IS NULL
       OR strpos(lower(concat_ws(' ', r.dataset_id, r.resource_id, r.version_id, r.client_request_id)),
                 lower(%(text)s)) > 0)
ORDER BY r.created_at DESC, r.request_id DESC
LIMIT %(limit)s
