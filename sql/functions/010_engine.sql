-- The statements of CoreMachine that must not be torn apart. Each runs in READ COMMITTED, where every
-- statement of a VOLATILE plpgsql function sees what was committed before that statement began; the
-- last-task check depends on it.
--
-- Plans are kept, and were perhaps made while the tables were empty, or with statistics of a time at which nothing
-- waited; a hundred thousand tasks may wait now. So nothing here is left to estimates: no sequential scans, and an
-- order where only one index has it. tests/integration/engine/test_reading.py counts the rows that are read.

-- Functions of older code, if they were in force for a while, let tasks out without a mark (see app.mark_touched).
UPDATE app.stages SET untouched_from = NULL WHERE status = 'open' AND untouched_from IS NOT NULL;

-- 64 bits of SHA-256: the same in every process, whatever the language.
CREATE OR REPLACE FUNCTION app.stage_lock_key(p_job_id text, p_stage integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('x' || encode(substring(
        sha256(convert_to('stage' || chr(31) || p_job_id || chr(31) || p_stage, 'UTF8')) FOR 8), 'hex'
    ))::bit(64)::bigint
$$;

CREATE OR REPLACE FUNCTION app.add_to_outbox(
    p_queue text, p_body jsonb, p_delay interval DEFAULT NULL
) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO app.outbox (queue, body, deliver_after) VALUES (p_queue, p_body, now() + p_delay)
    RETURNING id
$$;

-- The least version of the code that can go on with a job: that of its row, or of the results of its stage.
CREATE OR REPLACE FUNCTION app.job_version(p_job_id text, p_stage integer) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT greatest(j.schema_version, (
        SELECT max(t.schema_version) FROM app.tasks t WHERE t.job_id = p_job_id AND t.stage = p_stage))
    FROM app.jobs j WHERE j.job_id = p_job_id
$$;

-- The tasks of a stage by status, as quickly whether a hundred or a hundred thousand wait: those never let out are
-- the end of the stage, those completed are the rest of what was planned, and neither are read. `progress` is that
-- of the tasks under way, each at most 1.
CREATE OR REPLACE FUNCTION app.task_counts(p_job_id text, p_stage integer)
RETURNS TABLE (status text, number bigint, progress double precision)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET max_parallel_workers_per_gather = 0
AS $$
#variable_conflict use_column
DECLARE
    v_planned integer;
    v_untouched_from integer;
    v_before bigint;
BEGIN
    -- A job that has ended has cancelled what was untouched.
    SELECT s.task_count, CASE WHEN s.status = 'open' AND j.status = 'processing' THEN s.untouched_from END
    INTO v_planned, v_untouched_from
    FROM app.stages s JOIN app.jobs j USING (job_id) WHERE s.job_id = p_job_id AND s.number = p_stage;
    v_untouched_from := coalesce(v_untouched_from, v_planned);
    v_before := coalesce((
        SELECT seq FROM app.tasks WHERE job_id = p_job_id AND stage = p_stage AND task_index = v_untouched_from
    ), 9223372036854775807);
    RETURN QUERY
    WITH touched AS (
        -- in the order of the index that it is meant to use, which nothing else would tie the planner to
        SELECT status, count(*) AS number, sum(progress) FILTER (WHERE status = 'processing') AS progress FROM (
            SELECT status, progress FROM app.tasks
            WHERE job_id = p_job_id AND stage = p_stage AND seq < v_before AND finished_at IS NULL
            ORDER BY seq) open
        GROUP BY status
    ), unsuccessful AS (
        SELECT status, count(*) AS number FROM app.tasks
        WHERE job_id = p_job_id AND stage = p_stage AND status IN ('failed', 'cancelled')
        GROUP BY status ORDER BY status
    ), parts AS (
        SELECT status, number, progress FROM touched
        UNION ALL
        SELECT 'pending_queue', v_planned - v_untouched_from, 0
        UNION ALL
        SELECT status, number, 0 FROM unsuccessful
    )
    SELECT status, sum(number)::bigint, coalesce(sum(progress), 0)::double precision FROM parts
    WHERE parts.number > 0 GROUP BY status
    UNION ALL
    SELECT 'completed', v_planned - sum(number)::bigint, 0 FROM parts HAVING v_planned > sum(number);
END
$$;

-- These tasks are let out. Marked a hundredth of the stage ahead, so that its row is written a hundred times at most.
-- The rows of stages come last and in one order: whoever waits for one has nothing that its holder waits for.
CREATE OR REPLACE FUNCTION app.mark_touched(p_task_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v record;
BEGIN
    FOR v IN
        SELECT job_id, stage, max(task_index) AS last FROM app.tasks WHERE task_id = ANY (p_task_ids)
        GROUP BY job_id, stage ORDER BY job_id, stage
    LOOP
        UPDATE app.stages s SET untouched_from = least(s.task_count, v.last + 1 + s.task_count / 100)
        WHERE s.job_id = v.job_id AND s.number = v.stage AND s.untouched_from <= v.last;
    END LOOP;
END
$$;

-- "The last task turns out the lights": close the stage if nothing in it is open any more, and promise
-- one stage_complete message. The lock is a statement of its own: whoever waits for it takes a fresh
-- snapshot afterwards and sees the others' commits.
CREATE OR REPLACE FUNCTION app.close_stage_if_done(p_job_id text, p_stage integer, p_jobs_queue text)
RETURNS bigint LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
    v_outbox_id bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the last-task check needs READ COMMITTED, not %',
            current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock(app.stage_lock_key(p_job_id, p_stage));
    -- From the end: the first entries of the index are those of tasks long done, dead until the next vacuum.
    PERFORM 1 FROM app.tasks WHERE job_id = p_job_id AND stage = p_stage AND finished_at IS NULL
    ORDER BY seq DESC LIMIT 1;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE app.stages SET status = 'closed', closed_at = clock_timestamp()
    WHERE job_id = p_job_id AND number = p_stage AND status = 'open';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    v_outbox_id := app.add_to_outbox(p_jobs_queue, jsonb_build_object(
        'schema_version', app.job_version(p_job_id, p_stage),
        'message_type', 'stage_complete', 'job_id', p_job_id, 'stage', p_stage));
    RETURN v_outbox_id;
END
$$;

-- Take a task under a lease. No row: done, leased by another, not due yet, out of attempts, too new for this
-- code, or its job has ended. A message may arrive a little before `run_after` by the broker's clock. The task
-- takes on the version of the code that runs it: its result may have fields that older code does not know.
-- `p_waiting`: also one that has not been let out to its queue; take_tasks knows that it is its turn.
DROP FUNCTION IF EXISTS app.claim_task(text, text, text, interval);
DROP FUNCTION IF EXISTS app.claim_task(text, text, text, interval, integer);
CREATE OR REPLACE FUNCTION app.claim_task(
    p_task_id text, p_worker text, p_app_name text, p_lease interval, p_schema_version integer DEFAULT 1,
    p_waiting boolean DEFAULT false
) RETURNS TABLE (
    task_id text, job_id varchar, job_type text, stage integer, task_type text, parameters jsonb,
    target_queue text, attempt integer, max_attempts integer, platform_request_id varchar
) LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    UPDATE app.tasks t
    SET status = 'processing', attempt = t.attempt + 1, lease_until = clock_timestamp() + p_lease,
        worker = p_worker, executed_by_app = p_app_name, execution_started_at = clock_timestamp(),
        progress = 0, schema_version = p_schema_version, updated_at = clock_timestamp()
    FROM app.jobs j
    WHERE t.task_id = p_task_id AND j.job_id = t.job_id AND j.status = 'processing'
      AND t.attempt < t.max_attempts AND t.schema_version <= p_schema_version
      AND ((t.status IN ('queued', 'pending_retry') AND t.run_after <= clock_timestamp() + interval '2 seconds')
           OR (t.status = 'processing' AND t.lease_until < clock_timestamp())
           OR (p_waiting AND t.status = 'pending_queue'))
    RETURNING t.task_id, t.job_id, j.job_type, t.stage, t.task_type, t.parameters,
              t.target_queue, t.attempt, t.max_attempts, j.platform_request_id;
END
$$;

-- End one attempt, fenced by its number. `applied` is false when the lease went to another attempt or
-- the attempt has been ended before: then nothing at all has changed. One failure more than the stage
-- allows cancels the siblings that have not started. `outbox_ids` are the messages promised.
CREATE OR REPLACE FUNCTION app.finish_task(
    p_task_id text, p_attempt integer, p_status text, p_result jsonb, p_error jsonb,
    p_retry_after interval, p_jobs_queue text
) RETURNS TABLE (applied boolean, outbox_ids bigint[]) LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
    v_task app.tasks;
    v_outbox_id bigint;
BEGIN
    UPDATE app.tasks t
    SET status = p_status, result = p_result, error = p_error, lease_until = NULL,
        progress = CASE WHEN p_status = 'completed' THEN 1 ELSE t.progress END,
        run_after = clock_timestamp() + coalesce(p_retry_after, interval '0'),
        finished_at = CASE WHEN p_status = 'pending_retry' THEN NULL ELSE clock_timestamp() END,
        hinted_at = clock_timestamp(), hints = 0, updated_at = clock_timestamp()
    WHERE t.task_id = p_task_id AND t.attempt = p_attempt AND t.lease_until IS NOT NULL
    RETURNING t.* INTO v_task;
    IF NOT FOUND THEN
        RETURN QUERY SELECT false, '{}'::bigint[];
        RETURN;
    END IF;
    IF p_status = 'pending_retry' THEN
        v_outbox_id := app.add_to_outbox(v_task.target_queue, jsonb_build_object(
            'schema_version', v_task.schema_version, 'message_type', 'task', 'task_id', p_task_id), p_retry_after);
    ELSE
        IF p_status = 'failed' THEN
            PERFORM app.cancel_waiting_tasks_if_failed(v_task.job_id, v_task.stage);
        END IF;
        v_outbox_id := app.close_stage_if_done(v_task.job_id, v_task.stage, p_jobs_queue);
    END IF;
    RETURN QUERY SELECT true, array_remove(ARRAY[v_outbox_id], NULL);
END
$$;

-- Several claims in one transaction. Rows that somebody else holds are skipped, so that it never waits with
-- locks in its hands; the caller asks for those one by one.
CREATE OR REPLACE FUNCTION app.claim_tasks(
    p_task_ids text[], p_worker text, p_app_name text, p_lease interval, p_schema_version integer
) RETURNS TABLE (
    task_id text, job_id varchar, job_type text, stage integer, task_type text, parameters jsonb,
    target_queue text, attempt integer, max_attempts integer, platform_request_id varchar
) LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
    v_task_id text;
BEGIN
    FOR v_task_id IN
        SELECT t.task_id FROM app.tasks t WHERE t.task_id = ANY (p_task_ids) FOR UPDATE SKIP LOCKED
    LOOP
        RETURN QUERY SELECT * FROM app.claim_task(v_task_id, p_worker, p_app_name, p_lease, p_schema_version);
    END LOOP;
END
$$;

-- Several completions of one stage in one transaction, in the same way: it waits for the stage's lock alone.
CREATE OR REPLACE FUNCTION app.complete_tasks(
    p_task_ids text[], p_attempts integer[], p_results jsonb[], p_jobs_queue text
) RETURNS TABLE (task_id text, attempt integer, applied boolean, outbox_ids bigint[]) LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
    v record;
BEGIN
    FOR v IN
        SELECT done.task_id, done.attempt, done.result
        FROM unnest(p_task_ids, p_attempts, p_results) AS done (task_id, attempt, result)
        JOIN app.tasks t ON t.task_id = done.task_id AND t.attempt = done.attempt
        FOR UPDATE OF t SKIP LOCKED
    LOOP
        RETURN QUERY SELECT v.task_id, v.attempt, f.applied, f.outbox_ids
            FROM app.finish_task(v.task_id, v.attempt, 'completed', v.result, NULL, NULL, p_jobs_queue) f;
    END LOOP;
END
$$;

-- Take the tasks that wait behind `p_after` on its queue, in their order, without a message for each. None when
-- a higher priority or another tenant waits there as well: whose turn it is then, release_tasks says. Looks no
-- further back than `p_after`, where the index holds what was done long ago; what is left there is released.
CREATE OR REPLACE FUNCTION app.take_tasks(
    p_after text, p_count integer, p_worker text, p_app_name text, p_lease interval, p_schema_version integer
) RETURNS TABLE (
    task_id text, job_id varchar, job_type text, stage integer, task_type text, parameters jsonb,
    target_queue text, attempt integer, max_attempts integer, platform_request_id varchar
) LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
    v_queue text;
    v_priority smallint;
    v_tenant text;
    v_seq bigint;
    v_task_id text;
    v_taken text[] := '{}';
BEGIN
    SELECT t.target_queue, t.priority, t.tenant, t.seq INTO v_queue, v_priority, v_tenant, v_seq
    FROM app.tasks t WHERE t.task_id = p_after;
    IF EXISTS (SELECT 1 FROM app.tasks t WHERE t.target_queue = v_queue AND t.status = 'pending_queue'
               AND t.priority > v_priority)
        OR EXISTS (SELECT 1 FROM app.tasks t WHERE t.target_queue = v_queue AND t.status = 'pending_queue'
                   AND t.priority = v_priority AND t.tenant < v_tenant)
        OR EXISTS (SELECT 1 FROM app.tasks t WHERE t.target_queue = v_queue AND t.status = 'pending_queue'
                   AND t.priority = v_priority AND t.tenant > v_tenant)
    THEN
        RETURN;
    END IF;
    FOR v_task_id IN
        SELECT t.task_id FROM app.tasks t
        WHERE t.target_queue = v_queue AND t.status = 'pending_queue'
          AND t.priority = v_priority AND t.tenant = v_tenant AND t.seq > v_seq
          AND t.schema_version <= p_schema_version
        ORDER BY t.seq LIMIT p_count FOR UPDATE SKIP LOCKED
    LOOP
        v_taken := v_taken || v_task_id;
        RETURN QUERY SELECT * FROM app.claim_task(
            v_task_id, p_worker, p_app_name, p_lease, p_schema_version, p_waiting => true);
    END LOOP;
    PERFORM app.mark_touched(v_taken);
END
$$;

-- complete_tasks, and as many tasks taken that wait behind them as were completed: rows with `taken` are those.
CREATE OR REPLACE FUNCTION app.complete_and_take(
    p_task_ids text[], p_attempts integer[], p_results jsonb[], p_jobs_queue text,
    p_worker text, p_app_name text, p_lease interval, p_schema_version integer
) RETURNS TABLE (task_id text, attempt integer, applied boolean, outbox_ids bigint[], taken jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    v record;
    v_applied integer := 0;
BEGIN
    FOR v IN SELECT * FROM app.complete_tasks(p_task_ids, p_attempts, p_results, p_jobs_queue) LOOP
        v_applied := v_applied + v.applied::integer;
        RETURN QUERY SELECT v.task_id, v.attempt, v.applied, v.outbox_ids, NULL::jsonb;
    END LOOP;
    RETURN QUERY SELECT NULL, NULL::integer, NULL::boolean, NULL::bigint[], to_jsonb(t)
        FROM app.take_tasks(p_task_ids[1], v_applied, p_worker, p_app_name, p_lease, p_schema_version) t
        WHERE v_applied > 0;
END
$$;

-- Under the stage's lock, so that two failing tasks count each other and do not cancel crosswise.
CREATE OR REPLACE FUNCTION app.cancel_waiting_tasks_if_failed(p_job_id text, p_stage integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_allowed integer;
BEGIN
    PERFORM pg_advisory_xact_lock(app.stage_lock_key(p_job_id, p_stage));
    SELECT allowed_failures INTO v_allowed FROM app.stages WHERE job_id = p_job_id AND number = p_stage;
    IF v_allowed IS NULL OR v_allowed >= (
        SELECT count(*) FROM app.tasks WHERE job_id = p_job_id AND stage = p_stage AND status = 'failed'
    ) THEN
        RETURN;
    END IF;
    UPDATE app.tasks
    SET status = 'cancelled', finished_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE job_id = p_job_id AND stage = p_stage AND finished_at IS NULL
      AND status IN ('pending_queue', 'queued', 'pending_retry');
    UPDATE app.stages SET untouched_from = task_count WHERE job_id = p_job_id AND number = p_stage;
END
$$;

-- How many tasks may be out on a queue: twice what the living listeners can work on at once, so that none
-- of them waits for its next task and no tenant's flood gets far ahead of the others.
CREATE OR REPLACE FUNCTION app.dispatch_window(p_queue text, p_least integer) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT greatest(p_least, 2 * coalesce(sum(slots), 0))::integer FROM app.listeners
    WHERE p_queue = ANY (queues) AND last_seen_at > clock_timestamp() - interval '1 minute'
$$;

-- Let waiting tasks out to their queue, as far as the window allows: the highest priority first; among
-- equals the tenant that has the fewest out, and each tenant's own in the order in which they came.
-- Tasks that are too new for the code that asks are left to newer code, and fill no place of the window; nor do
-- those whose message comes later, because older code has left it to newer.
DROP FUNCTION IF EXISTS app.release_tasks(text, integer);  -- or calls without the version would be ambiguous
CREATE OR REPLACE FUNCTION app.release_tasks(
    p_queue text, p_least_window integer, p_schema_version integer DEFAULT 1
) RETURNS SETOF bigint
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
    v_free integer;
    v_released text[];
BEGIN
    IF NOT EXISTS (SELECT 1 FROM app.tasks WHERE target_queue = p_queue AND status = 'pending_queue'
                   AND schema_version <= p_schema_version) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(app.stage_lock_key('release' || chr(31) || p_queue, 0));
    SELECT app.dispatch_window(p_queue, p_least_window) - count(*) INTO v_free
    FROM app.tasks
    WHERE target_queue = p_queue AND schema_version <= p_schema_version
      AND (status = 'processing' OR (status = 'queued' AND hinted_at <= clock_timestamp()));
    IF v_free < 1 THEN
        RETURN;
    END IF;
    WITH RECURSIVE classes AS (
        -- one step of the index for each (priority, tenant) that waits, however many tasks each has
        (SELECT priority, tenant FROM app.tasks
         WHERE target_queue = p_queue AND status = 'pending_queue'
         ORDER BY priority DESC, tenant LIMIT 1)
        UNION ALL
        SELECT following.priority, following.tenant FROM classes c CROSS JOIN LATERAL (
            (SELECT t.priority, t.tenant, 1 AS turn FROM app.tasks t
             WHERE t.target_queue = p_queue AND t.status = 'pending_queue'
               AND t.priority = c.priority AND t.tenant > c.tenant
             ORDER BY t.tenant LIMIT 1)
            UNION ALL
            (SELECT t.priority, t.tenant, 2 AS turn FROM app.tasks t
             WHERE t.target_queue = p_queue AND t.status = 'pending_queue' AND t.priority < c.priority
             ORDER BY t.priority DESC, t.tenant LIMIT 1)
            ORDER BY turn LIMIT 1
        ) following
    ), out_now AS (
        SELECT tenant, count(*) AS number FROM app.tasks
        WHERE target_queue = p_queue AND status IN ('queued', 'processing') GROUP BY tenant
    ), candidates AS (
        SELECT waiting.task_id, waiting.priority, waiting.turn + coalesce(o.number, 0) AS share, waiting.seq
        FROM classes c
        CROSS JOIN LATERAL (
            SELECT t.task_id, t.priority, t.seq, row_number() OVER (ORDER BY t.seq) AS turn
            FROM (SELECT * FROM app.tasks
                  WHERE target_queue = p_queue AND status = 'pending_queue'
                    AND priority = c.priority AND tenant = c.tenant AND schema_version <= p_schema_version
                  ORDER BY seq LIMIT v_free) t
        ) waiting
        LEFT JOIN out_now o ON o.tenant = c.tenant
    ), chosen AS (
        SELECT task_id FROM candidates ORDER BY priority DESC, share, seq LIMIT v_free
    ), released AS (
        UPDATE app.tasks t
        SET status = 'queued', hinted_at = clock_timestamp(), updated_at = clock_timestamp()
        -- with a status that no index knows, or it might come from all that waits rather than from the keys
        FROM chosen c WHERE t.task_id = c.task_id AND t.status || '' = 'pending_queue'
        RETURNING t.task_id
    )
    SELECT coalesce(array_agg(task_id), '{}') INTO v_released FROM released;
    RETURN QUERY
    INSERT INTO app.outbox (queue, body)
    SELECT p_queue, jsonb_build_object(
        'schema_version', schema_version, 'message_type', 'task', 'task_id', task_id)
    FROM app.tasks WHERE task_id = ANY (v_released) ORDER BY seq
    RETURNING id;
    PERFORM app.mark_touched(v_released);
END
$$;

-- Open a stage again: what failed or was cancelled in it is tried anew, with fresh attempts; what was
-- completed stays. Stages after it are forgotten. Returns the number of tasks that run again.
CREATE OR REPLACE FUNCTION app.reopen_stage(
    p_job_id text, p_stage integer, p_all boolean, p_attempts integer
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_tasks integer;
BEGIN
    DELETE FROM app.stages WHERE job_id = p_job_id AND number > p_stage;
    UPDATE app.tasks
    SET status = 'pending_queue', max_attempts = attempt + p_attempts, run_after = clock_timestamp(),
        lease_until = NULL, result = NULL, error = NULL, progress = 0, finished_at = NULL,
        hinted_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE job_id = p_job_id AND stage = p_stage AND (p_all OR status IN ('failed', 'cancelled'));
    GET DIAGNOSTICS v_tasks = ROW_COUNT;
    UPDATE app.stages SET status = 'open', closed_at = NULL WHERE job_id = p_job_id AND number = p_stage;
    RETURN v_tasks;
END
$$;
