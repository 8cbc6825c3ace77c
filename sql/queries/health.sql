-- name: database
SELECT current_setting('server_version') AS server_version,
       (SELECT count(*) FROM app.jobs WHERE finished_at IS NULL) AS unfinished_jobs

-- name: postgis
SELECT postgis_lib_version() AS version

-- name: pgstac
SELECT pgstac.get_version() AS version, (SELECT count(*) FROM pgstac.collections) AS collections

-- name: requests
SELECT count(*) FILTER (WHERE status = 'pending') AS pending_requests,
       count(*) FILTER (WHERE status = 'processing') AS processing_requests,
       round(avg(extract(epoch FROM completed_at - created_at))
             FILTER (WHERE status = 'completed' AND completed_at > now() - interval '1 day'), 1)::float8
           AS average_processing_seconds
FROM platform.requests
