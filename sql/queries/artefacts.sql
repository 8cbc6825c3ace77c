-- name: stage
INSERT INTO app.artefacts (job_id, task_id, attempt, kind, location, temporary)
VALUES (%(job_id)s, %(task_id)s, %(attempt)s, %(kind)s, %(location)s, %(temporary)s)
ON CONFLICT (location) DO UPDATE
SET state = 'staged', temporary = excluded.temporary, updated_at = clock_timestamp()
WHERE app.artefacts.job_id = excluded.job_id AND app.artefacts.state NOT IN ('published', 'retired')

-- name: abandoned
-- What nobody will publish any more: the request is completed, the job was cancelled; or either has failed, and
-- nobody has tried it again for long, or it has been submitted anew; or a job without a request ended long
-- ago. An attempt that lost its lease leaves its artefact to this, once its job is over.
SELECT a.artefact_id, a.kind, a.location
FROM app.artefacts a
JOIN app.jobs j USING (job_id)
LEFT JOIN platform.requests r ON r.request_id = j.platform_request_id
LEFT JOIN app.datasets d ON d.dataset_key = r.dataset_key
WHERE a.state = 'staged' AND (
    r.status = 'completed'
    OR (j.status = 'cancelled' AND coalesce(r.status, 'failed') = 'failed')
    OR (r.status = 'failed'
        AND (r.revision < d.revision OR r.completed_at < clock_timestamp() - %(keep_failed)s::interval))
    OR (r.request_id IS NULL AND j.status = 'failed'
        AND j.finished_at < clock_timestamp() - %(keep_failed)s::interval)
    OR (r.request_id IS NULL AND j.finished_at < clock_timestamp() - interval '1 day'))
ORDER BY a.artefact_id LIMIT %(limit)s
FOR UPDATE OF a SKIP LOCKED FOR SHARE OF j SKIP LOCKED

-- name: discard
UPDATE app.artefacts SET state = 'discarded', updated_at = clock_timestamp()
WHERE artefact_id = %(artefact_id)s AND state = 'staged'

-- name: retired
SELECT artefact_id, kind, location, published_as FROM app.artefacts
WHERE state = 'retired' AND updated_at < clock_timestamp() - %(grace)s::interval
ORDER BY updated_at, artefact_id LIMIT %(limit)s

-- name: lock_retired
SELECT artefact_id FROM app.artefacts
WHERE artefact_id = %(artefact_id)s AND state = 'retired'
FOR UPDATE SKIP LOCKED

-- name: is_served
SELECT EXISTS (SELECT FROM platform.collections c
               WHERE %(name)s IN (c.table_name, c.generalised_name, c.overview_name))
    OR EXISTS (SELECT FROM app.artefacts a JOIN app.jobs j USING (job_id) JOIN app.datasets d USING (dataset_key)
               WHERE a.artefact_id = %(artefact_id)s AND d.data_locations ->> 'table' = %(name)s) AS is_served

-- name: postpone_retired
-- To be tried again after another grace: one that cannot go must not stand before those that can.
UPDATE app.artefacts SET updated_at = clock_timestamp()
WHERE artefact_id = %(artefact_id)s AND state = 'retired'

-- name: discard_retired
UPDATE app.artefacts SET state = 'discarded', updated_at = clock_timestamp()
WHERE artefact_id = %(artefact_id)s AND state = 'retired'
