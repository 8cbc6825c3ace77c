-- name: announce
INSERT INTO app.listeners (instance, app_name, app_mode, version, queues, slots)
VALUES (%(instance)s, %(app_name)s, %(app_mode)s, %(version)s, %(queues)s, %(slots)s)
ON CONFLICT (instance) DO UPDATE
SET app_name = excluded.app_name, app_mode = excluded.app_mode, version = excluded.version,
    queues = excluded.queues, slots = excluded.slots, last_seen_at = clock_timestamp()

-- name: living
SELECT instance, app_name, app_mode, version, queues, slots, started_at, last_seen_at
FROM app.listeners WHERE last_seen_at > clock_timestamp() - interval '1 minute' ORDER BY app_name, instance

-- name: heard_queues
SELECT DISTINCT unnest(queues) AS queue FROM app.listeners
WHERE last_seen_at > clock_timestamp() - interval '1 minute'

-- name: forget_dead
DELETE FROM app.listeners WHERE last_seen_at < clock_timestamp() - interval '1 day'
