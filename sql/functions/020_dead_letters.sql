-- Fail a task that nobody works on and whose message cannot be handled. `applied` is false when somebody has
-- claimed it or it has ended: then nothing at all has changed. Otherwise like `app.finish_task`.
CREATE OR REPLACE FUNCTION app.give_up_task(p_task_id text, p_error jsonb, p_jobs_queue text)
RETURNS TABLE (applied boolean, outbox_ids bigint[]) LANGUAGE plpgsql AS $$
DECLARE
    v_task app.tasks;
BEGIN
    UPDATE app.tasks t
    SET status = 'failed', error = p_error, lease_until = NULL, finished_at = clock_timestamp(),
        hinted_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE t.task_id = p_task_id AND (t.status IN ('queued', 'pending_retry')
          OR (t.status = 'processing' AND t.lease_until < clock_timestamp()))
    RETURNING t.* INTO v_task;
    IF NOT FOUND THEN
        RETURN QUERY SELECT false, '{}'::bigint[];
        RETURN;
    END IF;
    PERFORM app.cancel_waiting_tasks_if_failed(v_task.job_id, v_task.stage);
    RETURN QUERY SELECT true,
        array_remove(ARRAY[app.close_stage_if_done(v_task.job_id, v_task.stage, p_jobs_queue)], NULL);
END
$$;
