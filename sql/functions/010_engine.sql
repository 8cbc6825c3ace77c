-- The statements of CoreMachine that must not be torn apart. Each runs in READ COMMITTED, where every
-- statement of a VOLATILE plpgsql function sees what was committed before that statement began; the
-- last-task check depends on it.

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

-- "The last task turns out the lights": close the stage if nothing in it is open any more, and promise
-- one stage_complete message. The lock is a statement of its own: whoever waits for it takes a fresh
-- snapshot afterwards and sees the others' commits.
CREATE OR REPLACE FUNCTION app.close_stage_if_done(p_job_id text, p_stage integer, p_jobs_queue text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_outbox_id bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the last-task check needs READ COMMITTED, not %',
            current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock(app.stage_lock_key(p_job_id, p_stage));
    IF EXISTS (
        SELECT 1 FROM app.tasks WHERE job_id = p_job_id AND stage = p_stage
        AND status IN ('queued', 'processing', 'pending_retry')
    ) THEN
        RETURN NULL;
    END IF;
    UPDATE app.stages SET status = 'closed', closed_at = clock_timestamp()
    WHERE job_id = p_job_id AND number = p_stage AND status = 'open';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    v_outbox_id := app.add_to_outbox(p_jobs_queue, jsonb_build_object(
        'schema_version', 1, 'message_type', 'stage_complete', 'job_id', p_job_id, 'stage', p_stage));
    RETURN v_outbox_id;
END
$$;

-- Take a task under a lease. No row: done, leased by another, not due yet, out of attempts, or its job
-- has ended. A message may arrive a little before `run_after` by the broker's clock.
CREATE OR REPLACE FUNCTION app.claim_task(
    p_task_id text, p_worker text, p_app_name text, p_lease interval
) RETURNS TABLE (
    task_id text, job_id varchar, job_type text, stage integer, task_type text, parameters jsonb,
    attempt integer, max_attempts integer, platform_request_id varchar
) LANGUAGE sql AS $$
    UPDATE app.tasks t
    SET status = 'processing', attempt = t.attempt + 1, lease_until = clock_timestamp() + p_lease,
        worker = p_worker, executed_by_app = p_app_name, execution_started_at = clock_timestamp(),
        progress = 0, updated_at = clock_timestamp()
    FROM app.jobs j
    WHERE t.task_id = p_task_id AND j.job_id = t.job_id AND j.status = 'processing'
      AND t.attempt < t.max_attempts
      AND ((t.status IN ('queued', 'pending_retry') AND t.run_after <= clock_timestamp() + interval '2 seconds')
           OR (t.status = 'processing' AND t.lease_until < clock_timestamp()))
    RETURNING t.task_id, t.job_id, j.job_type, t.stage, t.task_type, t.parameters,
              t.attempt, t.max_attempts, j.platform_request_id
$$;

-- End one attempt, fenced by its number. `applied` is false when the lease went to another attempt or
-- the attempt has been ended before: then nothing at all has changed. A failure cancels the siblings
-- that have not started (fail fast). `outbox_ids` are the messages promised.
CREATE OR REPLACE FUNCTION app.finish_task(
    p_task_id text, p_attempt integer, p_status text, p_result jsonb, p_error jsonb,
    p_retry_after interval, p_jobs_queue text
) RETURNS TABLE (applied boolean, outbox_ids bigint[]) LANGUAGE plpgsql AS $$
DECLARE
    v_task app.tasks;
    v_outbox_id bigint;
BEGIN
    UPDATE app.tasks t
    SET status = p_status, result = p_result, error = p_error, lease_until = NULL,
        progress = CASE WHEN p_status = 'completed' THEN 1 ELSE t.progress END,
        run_after = clock_timestamp() + coalesce(p_retry_after, interval '0'),
        finished_at = CASE WHEN p_status = 'pending_retry' THEN NULL ELSE clock_timestamp() END,
        hinted_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE t.task_id = p_task_id AND t.attempt = p_attempt AND t.status = 'processing'
    RETURNING t.* INTO v_task;
    IF NOT FOUND THEN
        RETURN QUERY SELECT false, '{}'::bigint[];
        RETURN;
    END IF;
    IF p_status = 'pending_retry' THEN
        v_outbox_id := app.add_to_outbox(v_task.target_queue, jsonb_build_object(
            'schema_version', 1, 'message_type', 'task', 'task_id', p_task_id), p_retry_after);
    ELSE
        IF p_status = 'failed' THEN
            PERFORM app.cancel_waiting_tasks(v_task.job_id, v_task.stage);
        END IF;
        v_outbox_id := app.close_stage_if_done(v_task.job_id, v_task.stage, p_jobs_queue);
    END IF;
    RETURN QUERY SELECT true, array_remove(ARRAY[v_outbox_id], NULL);
END
$$;

-- Under the stage's lock, so that two failing tasks do not cancel each other's siblings crosswise.
CREATE OR REPLACE FUNCTION app.cancel_waiting_tasks(p_job_id text, p_stage integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(app.stage_lock_key(p_job_id, p_stage));
    UPDATE app.tasks
    SET status = 'cancelled', finished_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE job_id = p_job_id AND stage = p_stage AND status IN ('queued', 'pending_retry');
END
$$;
