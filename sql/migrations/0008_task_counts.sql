-- What makes the tasks of a stage quick to count and to go through, however many wait and however many are done.

-- Tasks with this index and above have never been let out to their queue; NULL, as older code leaves it: not known.
ALTER TABLE app.stages ADD COLUMN untouched_from integer CHECK (untouched_from >= 0);

-- Not by status: whatever asked for one status could be led to these, when the planner's statistics were late.
DROP INDEX app.jobs_unfinished_idx, app.tasks_open_idx, app.tasks_failed_idx;
CREATE INDEX jobs_unfinished_idx ON app.jobs (hinted_at) WHERE finished_at IS NULL;
CREATE INDEX tasks_open_idx ON app.tasks (job_id, stage, seq) WHERE finished_at IS NULL;

-- How many tasks of a stage failed or were cancelled is counted here; the rest is known from those that are open.
CREATE INDEX tasks_unsuccessful_idx ON app.tasks (job_id, stage, status) WHERE status IN ('failed', 'cancelled');
