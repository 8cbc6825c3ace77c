-- name: store
-- The task may be gone: a stage that is planned anew forgets its tasks.
INSERT INTO app.task_logs (task_id, attempt, seq, at, level, message, fields)
SELECT t.task_id, %(attempt)s::integer, e.seq, e.at, e.level, e.message, e.fields::jsonb
FROM (SELECT task_id FROM app.tasks WHERE task_id = %(task_id)s FOR KEY SHARE) t
CROSS JOIN unnest(%(seqs)s::integer[], %(moments)s::timestamptz[], %(levels)s::text[], %(messages)s::text[],
                  %(fields)s::text[]) AS e (seq, at, level, message, fields)
ON CONFLICT (task_id, attempt, seq) DO NOTHING

-- name: page
SELECT attempt, seq, at, level, message, fields FROM app.task_logs
WHERE task_id = %(task_id)s AND level = ANY (%(levels)s::text[])
  AND (%(attempt)s::integer IS NULL OR attempt = %(attempt)s)
  AND (attempt, seq) > (%(after_attempt)s::integer, %(after_seq)s::integer)
ORDER BY attempt, seq LIMIT %(limit)s
