-- name: record
INSERT INTO app.dead_letters (queue, message_id, sequence_number, body, reason, description, delivery_count)
VALUES (%(queue)s, %(message_id)s, %(sequence_number)s, %(body)s, %(reason)s, %(description)s,
        %(delivery_count)s)
ON CONFLICT (queue, message_id, sequence_number) DO NOTHING
RETURNING dead_letter_id

-- name: settle
UPDATE app.dead_letters SET outcome = %(outcome)s, subject = %(subject)s
WHERE dead_letter_id = %(dead_letter_id)s

-- name: promises
-- How often it was promised again since it was last given up.
SELECT count(*) AS number FROM app.dead_letters
WHERE subject = %(subject)s AND outcome = 'promised_again' AND dead_letter_id > coalesce((
    SELECT max(dead_letter_id) FROM app.dead_letters
    WHERE subject = %(subject)s AND outcome = 'given_up'), 0)

-- name: lock_waiting_task
SELECT t.task_id, t.job_id, t.stage, greatest(t.run_after - clock_timestamp(), interval '0') AS due_in
FROM app.tasks t JOIN app.jobs j USING (job_id)
WHERE t.task_id = %(task_id)s AND j.status = 'processing' AND (
    t.status IN ('queued', 'pending_retry')
    OR (t.status = 'processing' AND t.lease_until < clock_timestamp()))
FOR UPDATE OF t

-- name: give_up_task
SELECT outbox_ids FROM app.give_up_task(%(task_id)s, %(error)s, %(jobs_queue)s)

-- name: page
SELECT dead_letter_id, queue, message_id, body, reason, description, delivery_count, subject, outcome, received_at
FROM app.dead_letters
WHERE queue = %(queue)s AND (%(before)s::bigint IS NULL OR dead_letter_id < %(before)s)
ORDER BY dead_letter_id DESC LIMIT %(limit)s

-- name: recent
SELECT count(*) AS last_hour,
       count(*) FILTER (WHERE outcome = 'given_up') AS given_up,
       count(*) FILTER (WHERE outcome = 'malformed') AS malformed,
       coalesce(array_agg(DISTINCT queue), '{}') AS queues
FROM app.dead_letters WHERE received_at > clock_timestamp() - interval '1 hour'

-- name: queues
-- What is waiting for its turn, out at the broker, and in work; for the jobs queue, jobs not yet begun.
SELECT q.queue, coalesce(t.waiting, 0) AS waiting, coalesce(t.out_now, 0) AS out_now,
       coalesce(t.processing, 0) AS processing, coalesce(o.unsent, 0) AS unsent,
       coalesce(d.dead_letters, 0) AS dead_letters_last_day
FROM unnest(%(queues)s::text[]) AS q (queue)
LEFT JOIN (
    SELECT target_queue AS queue, count(*) FILTER (WHERE status = 'pending_queue') AS waiting,
           count(*) FILTER (WHERE status IN ('queued', 'pending_retry')) AS out_now,
           count(*) FILTER (WHERE status = 'processing') AS processing
    FROM app.tasks WHERE finished_at IS NULL
    GROUP BY target_queue
) t USING (queue)
LEFT JOIN (SELECT queue, count(*) AS unsent FROM app.outbox GROUP BY queue) o USING (queue)
LEFT JOIN (
    SELECT queue, count(*) AS dead_letters FROM app.dead_letters
    WHERE received_at > clock_timestamp() - interval '1 day' GROUP BY queue
) d USING (queue)
ORDER BY q.queue
