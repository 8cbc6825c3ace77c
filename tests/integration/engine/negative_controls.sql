-- Plausible last-task checks that are wrong. The race test must see each of them fail; if it does not,
-- it would not see a fault in app.finish_task either.

CREATE FUNCTION app.finish_lock_inside_count(p_task_id text, p_attempt integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_task app.tasks;
    v_open bigint;
BEGIN
    UPDATE app.tasks SET status = 'completed', lease_until = NULL, finished_at = clock_timestamp()
    WHERE task_id = p_task_id AND attempt = p_attempt AND status = 'processing' RETURNING * INTO v_task;
    IF NOT FOUND THEN RETURN false; END IF;
    -- the snapshot of this statement is older than the moment at which the lock is granted
    SELECT count(*) FILTER (WHERE t.status IN ('pending_queue', 'queued', 'processing', 'pending_retry')) INTO v_open
    FROM app.tasks t, (SELECT pg_advisory_xact_lock(app.stage_lock_key(v_task.job_id, v_task.stage))) AS held
    WHERE t.job_id = v_task.job_id AND t.stage = v_task.stage;
    IF v_open > 0 THEN RETURN false; END IF;
    PERFORM app.add_to_outbox('geospatial-jobs', jsonb_build_object('job_id', v_task.job_id));
    RETURN true;
END
$$;

CREATE FUNCTION app.finish_unguarded(p_task_id text, p_attempt integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_task app.tasks;
BEGIN
    UPDATE app.tasks SET status = 'completed', lease_until = NULL, finished_at = clock_timestamp()
    WHERE task_id = p_task_id RETURNING * INTO v_task;
    PERFORM pg_advisory_xact_lock(app.stage_lock_key(v_task.job_id, v_task.stage));
    IF EXISTS (SELECT 1 FROM app.tasks WHERE job_id = v_task.job_id AND stage = v_task.stage
               AND status IN ('pending_queue', 'queued', 'processing', 'pending_retry')) THEN RETURN false; END IF;
    PERFORM app.add_to_outbox('geospatial-jobs', jsonb_build_object('job_id', v_task.job_id));
    RETURN true;
END
$$;
