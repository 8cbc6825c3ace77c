-- An append-only history of what happened to tasks and stages, written by the database itself.
-- The database of an earlier test is used again: it starts empty.

TRUNCATE app.jobs, app.stages, app.tasks, app.outbox, app.artefacts, app.datasets, platform.requests,
         platform.request_jobs CASCADE;
DROP SCHEMA IF EXISTS ledger CASCADE;
CREATE SCHEMA ledger;
CREATE TABLE ledger.effects (at timestamptz DEFAULT clock_timestamp(), task_id text, attempt integer);
CREATE TABLE ledger.advances (at timestamptz DEFAULT clock_timestamp(), job_id text, stage integer);
CREATE TABLE ledger.endings (at timestamptz DEFAULT clock_timestamp(), job_id text, status text);

CREATE OR REPLACE FUNCTION ledger.note_task() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO ledger.effects (task_id, attempt) VALUES (new.task_id, new.attempt);
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER note_task AFTER UPDATE OF status ON app.tasks FOR EACH ROW
    WHEN (new.status = 'completed') EXECUTE FUNCTION ledger.note_task();

CREATE OR REPLACE FUNCTION ledger.note_stage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO ledger.advances (job_id, stage) VALUES (new.job_id, new.number);
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER note_stage AFTER INSERT ON app.stages FOR EACH ROW EXECUTE FUNCTION ledger.note_stage();

CREATE OR REPLACE FUNCTION ledger.note_job() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO ledger.endings (job_id, status) VALUES (new.job_id, new.status);
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER note_job AFTER UPDATE OF status ON app.jobs FOR EACH ROW
    WHEN (new.status IN ('completed', 'failed', 'cancelled')) EXECUTE FUNCTION ledger.note_job();
