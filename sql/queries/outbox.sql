-- name: add
SELECT app.add_to_outbox(%(queue)s, %(body)s, %(delay)s) AS id

-- name: release_tasks
SELECT app.release_tasks(%(queue)s, %(least_window)s, %(schema_version)s) AS id

-- name: read
SELECT id, queue, message_id::text AS message_id, body::text AS body, deliver_after
FROM app.outbox WHERE id = ANY(%(ids)s) ORDER BY id

-- name: take_due
SELECT id, queue, message_id::text AS message_id, body::text AS body, deliver_after
FROM app.outbox WHERE send_after <= clock_timestamp() ORDER BY id LIMIT %(limit)s
FOR UPDATE SKIP LOCKED

-- name: delete
DELETE FROM app.outbox WHERE id = ANY(%(ids)s)

-- name: postpone
UPDATE app.outbox
SET attempts = attempts + 1, last_error = %(error)s,
    send_after = clock_timestamp() + least(interval '1 second' * power(2, attempts), interval '1 minute')
WHERE id = ANY(%(ids)s)

-- name: backlog
SELECT count(*) AS waiting, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) AS oldest_seconds
FROM app.outbox WHERE deliver_after IS NULL OR deliver_after <= clock_timestamp()
