-- CoreMachine: jobs, stages, tasks, outbox, artefacts. The database is the truth, a message is a hint.

CREATE SCHEMA app;

CREATE TABLE app.jobs (
    job_id              varchar(64) PRIMARY KEY,
    job_type            text NOT NULL,
    parameters          jsonb NOT NULL,
    status              text NOT NULL DEFAULT 'queued'
                        CHECK (status IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
    stage               integer NOT NULL DEFAULT 0 CHECK (stage >= 0),
    total_stages        integer NOT NULL CHECK (total_stages >= 1),
    result              jsonb,
    error               jsonb,
    metadata            jsonb NOT NULL DEFAULT '{}',
    platform_request_id varchar(32),
    dataset_key         varchar(64),
    finalize_attempts   integer NOT NULL DEFAULT 0,
    schema_version      integer NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    started_at          timestamptz,
    finished_at         timestamptz,
    -- when a message last told somebody to work on this job: the janitor's clock
    hinted_at           timestamptz NOT NULL DEFAULT now(),
    CHECK (stage <= total_stages),
    CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled')))
);
CREATE INDEX jobs_unfinished_idx ON app.jobs (hinted_at) WHERE status IN ('queued', 'processing');
CREATE INDEX jobs_request_idx ON app.jobs (platform_request_id) WHERE platform_request_id IS NOT NULL;
CREATE INDEX jobs_created_idx ON app.jobs (created_at DESC, job_id);

CREATE TABLE app.stages (
    job_id     varchar(64) NOT NULL REFERENCES app.jobs ON DELETE CASCADE,
    number     integer NOT NULL CHECK (number >= 1),
    name       text NOT NULL,
    task_type  text NOT NULL,
    status     text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    task_count integer NOT NULL CHECK (task_count >= 0),
    opened_at  timestamptz NOT NULL DEFAULT now(),
    closed_at  timestamptz,
    PRIMARY KEY (job_id, number),
    CHECK ((closed_at IS NOT NULL) = (status = 'closed'))
);

CREATE TABLE app.tasks (
    task_id              text PRIMARY KEY,
    job_id               varchar(64) NOT NULL,
    stage                integer NOT NULL,
    task_index           integer NOT NULL CHECK (task_index >= 0),
    task_key             text NOT NULL DEFAULT '',
    task_type            text NOT NULL,
    target_queue         text NOT NULL,
    parameters           jsonb NOT NULL,
    status               text NOT NULL DEFAULT 'queued' CHECK (
        status IN ('queued', 'processing', 'pending_retry', 'completed', 'failed', 'cancelled')
    ),
    attempt              integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    max_attempts         integer NOT NULL CHECK (max_attempts >= 1),
    run_after            timestamptz NOT NULL DEFAULT now(),
    lease_until          timestamptz,
    worker               text,
    executed_by_app      text,
    execution_started_at timestamptz,
    progress             real NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    result               jsonb,
    error                jsonb,
    schema_version       integer NOT NULL DEFAULT 1,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    finished_at          timestamptz,
    hinted_at            timestamptz NOT NULL DEFAULT now(),
    UNIQUE (job_id, stage, task_index),
    FOREIGN KEY (job_id, stage) REFERENCES app.stages (job_id, number) ON DELETE CASCADE,
    CHECK (attempt <= max_attempts),
    CHECK ((lease_until IS NOT NULL) = (status = 'processing')),
    CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled')))
);
-- "is any task of this stage still open?", asked once per finished task
CREATE INDEX tasks_open_idx ON app.tasks (job_id, stage)
    WHERE status IN ('queued', 'processing', 'pending_retry');
CREATE INDEX tasks_lease_idx ON app.tasks (lease_until) WHERE status = 'processing';
CREATE INDEX tasks_waiting_idx ON app.tasks (hinted_at) WHERE status IN ('queued', 'pending_retry');

-- Messages that a transaction has promised to send. The relay sends them right after the commit and
-- deletes them; a timer sends what was left behind. `message_id` never changes, so that the broker's
-- duplicate detection sees a repeated send.
CREATE TABLE app.outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue         text NOT NULL,
    message_id    uuid NOT NULL DEFAULT gen_random_uuid(),
    body          jsonb NOT NULL,
    deliver_after timestamptz,
    send_after    timestamptz NOT NULL DEFAULT now() + interval '5 seconds',
    attempts      integer NOT NULL DEFAULT 0,
    last_error    text,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_due_idx ON app.outbox (send_after);

-- What tasks made outside their own rows: written before the thing is made, so that nothing is lost
-- when the worker dies in between. Publishing or discarding is one update here.
CREATE TABLE app.artefacts (
    artefact_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id      varchar(64) NOT NULL REFERENCES app.jobs ON DELETE CASCADE,
    task_id     text NOT NULL,
    attempt     integer NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('table', 'blob')),
    location    text NOT NULL UNIQUE,
    state       text NOT NULL DEFAULT 'staged' CHECK (state IN ('staged', 'published', 'discarded')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX artefacts_staged_idx ON app.artefacts (job_id) WHERE state = 'staged';
