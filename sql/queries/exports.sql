-- Files of published tables: platform.exports, and what is known of the jobs that make them.

-- name: tables
-- The published tables of a revision as they stand in the schema `geo`: all, or that of one collection.
SELECT p.collection_id, p.dataset_collection_id, p.dataset_key, r.revision, r.client_id, p.layer, p.family, p.title, c.relname AS table_name,
       postgis_typmod_type(g.atttypmod) AS geometry_type, postgis_typmod_srid(g.atttypmod) AS srid,
       coalesce((p.characteristics ->> 'feature_count')::bigint, greatest(c.reltuples, 0)::bigint) AS feature_count,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', a.attname,
                   'sql_type', CASE format_type(a.atttypid, a.atttypmod)
                       WHEN 'timestamp with time zone' THEN 'timestamptz'
                       WHEN 'timestamp without time zone' THEN 'timestamp'
                       WHEN 'time without time zone' THEN 'time'
                       ELSE format_type(a.atttypid, a.atttypmod) END,
                   'source_name', coalesce(s.column ->> 'source_name', a.attname)) ORDER BY a.attnum), '[]')
        FROM pg_attribute a
        LEFT JOIN jsonb_array_elements(p.characteristics -> 'columns') AS s ("column")
               ON s.column ->> 'name' = a.attname
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('fid', 'geom')
       ) AS columns
FROM platform.published_collections p
JOIN platform.requests r USING (request_id)
JOIN pg_namespace n ON n.nspname = 'geo'
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = regexp_replace(p.table_name, '^geo\.', '')
JOIN pg_attribute g ON g.attrelid = c.oid AND g.attname = 'geom' AND NOT g.attisdropped
WHERE p.request_id = %(request_id)s AND %(collection_id)s IN ('', p.collection_id)
ORDER BY p.position

-- name: get
SELECT export_id, request_id, collection_id, format, state, attempt, job_id, blob_uri, size_bytes, sha256,
       media_type, feature_count, notes, error
FROM platform.exports
WHERE request_id = %(request_id)s AND collection_id = %(collection_id)s AND format = %(format)s

-- name: by_id
SELECT export_id, request_id, collection_id, format, state, attempt, job_id, blob_uri, size_bytes, sha256,
       media_type, feature_count, notes, error
FROM platform.exports
WHERE export_id = %(export_id)s

-- name: of_request
SELECT export_id, request_id, collection_id, format, state, attempt, job_id, blob_uri, size_bytes, sha256,
       media_type, feature_count, notes, error
FROM platform.exports
WHERE request_id = %(request_id)s
ORDER BY created_at, export_id

-- name: lock
-- Whoever wants to begin the same file waits here, and then finds it begun.
SELECT pg_advisory_xact_lock(hashtextextended(%(export_id)s, 5))

-- name: begin
INSERT INTO platform.exports (export_id, request_id, collection_id, format, state, attempt, job_id)
VALUES (%(export_id)s, %(request_id)s, %(collection_id)s, %(format)s, 'building', %(attempt)s, %(job_id)s)
ON CONFLICT (export_id) DO UPDATE
SET state = 'building', attempt = excluded.attempt, job_id = excluded.job_id, error = NULL, blob_uri = NULL,
    updated_at = clock_timestamp()

-- name: job
-- How far the job is; its stage has one task.
SELECT j.status, j.result, j.error, coalesce(max(t.progress), 0)::float8 AS share
FROM app.jobs j LEFT JOIN app.tasks t USING (job_id)
WHERE j.job_id = %(job_id)s
GROUP BY j.job_id

-- name: chain_job
-- The job of the chain that wrote files before the revision was published.
SELECT j.job_id, j.result
FROM platform.request_jobs rj JOIN app.jobs j USING (job_id)
WHERE rj.request_id = %(request_id)s AND j.job_type = 'export_vector' AND j.status = 'completed'

-- name: hold_publications
-- Whoever replaces the revision changes this row first: what it retires is what is published before, or later.
SELECT version FROM platform.catalog_version FOR SHARE

-- name: publish
-- Takes the file out of the sweeper's reach; no row when the sweeper has been there before, or when the
-- revision was replaced.
UPDATE app.artefacts SET state = 'published', updated_at = clock_timestamp()
WHERE job_id = %(job_id)s AND location = %(blob_uri)s AND kind = 'blob' AND state IN ('staged', 'published')
  AND EXISTS (SELECT FROM platform.published_datasets WHERE request_id = %(request_id)s)
RETURNING artefact_id

-- name: finish
UPDATE platform.exports
SET state = 'ready', blob_uri = %(blob_uri)s, size_bytes = %(size_bytes)s, sha256 = %(sha256)s,
    media_type = %(media_type)s, feature_count = %(feature_count)s, notes = %(notes)s, error = NULL,
    updated_at = clock_timestamp()
WHERE export_id = %(export_id)s AND job_id = %(job_id)s

-- name: fail
UPDATE platform.exports SET state = 'failed', blob_uri = NULL, error = %(error)s, updated_at = clock_timestamp()
WHERE export_id = %(export_id)s AND job_id = %(job_id)s AND state = 'building'
