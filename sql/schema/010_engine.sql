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
    -- failed tasks that a stage's policy let pass: [{stage, task_index, task_key, code}]
    holes               jsonb NOT NULL DEFAULT '[]',
    -- whose work it is, for fair shares among tenants, and how urgent (higher goes first)
    tenant              text NOT NULL DEFAULT '',
    priority            smallint NOT NULL DEFAULT 0,
    platform_request_id varchar(32),
    dataset_key         varchar(64),
    finalize_attempts   integer NOT NULL DEFAULT 0,
    -- how often it began at the beginning; its tasks' ids hold it, so that no two runs share an attempt
    run                 integer NOT NULL DEFAULT 1 CHECK (run >= 1),
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
CREATE INDEX jobs_unfinished_idx ON app.jobs (hinted_at) WHERE finished_at IS NULL;
CREATE INDEX jobs_request_idx ON app.jobs (platform_request_id) WHERE platform_request_id IS NOT NULL;
CREATE INDEX jobs_dataset_idx ON app.jobs (dataset_key) WHERE dataset_key IS NOT NULL;
CREATE INDEX jobs_created_idx ON app.jobs (created_at DESC, job_id);

CREATE TABLE app.stages (
    job_id     varchar(64) NOT NULL REFERENCES app.jobs ON DELETE CASCADE,
    number     integer NOT NULL CHECK (number >= 1),
    name       text NOT NULL,
    task_type  text NOT NULL,
    status     text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    task_count integer NOT NULL CHECK (task_count >= 0),
    -- how many tasks may fail before the stage fails; NULL: any number
    allowed_failures integer DEFAULT 0 CHECK (allowed_failures >= 0),
    opened_at  timestamptz NOT NULL DEFAULT now(),
    closed_at  timestamptz,
    -- tasks with this index and above have never been let out to their queue; NULL: not known
    untouched_from integer CHECK (untouched_from >= 0),
    PRIMARY KEY (job_id, number),
    CHECK ((closed_at IS NOT NULL) = (status = 'closed'))
);

CREATE TABLE app.tasks (
    task_id              text PRIMARY KEY,
    seq                  bigint GENERATED ALWAYS AS IDENTITY,
    job_id               varchar(64) NOT NULL,
    tenant               text NOT NULL DEFAULT '',
    priority             smallint NOT NULL DEFAULT 0,
    stage                integer NOT NULL,
    task_index           integer NOT NULL CHECK (task_index >= 0),
    task_key             text NOT NULL DEFAULT '',
    task_type            text NOT NULL,
    target_queue         text NOT NULL,
    parameters           jsonb NOT NULL,
    status               text NOT NULL DEFAULT 'pending_queue' CHECK (
        status IN ('pending_queue', 'queued', 'processing', 'pending_retry', 'completed', 'failed', 'cancelled')
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
    -- when a message last told somebody of this task, and how often the janitor sent another
    hinted_at            timestamptz NOT NULL DEFAULT now(),
    hints                smallint NOT NULL DEFAULT 0,
    UNIQUE (job_id, stage, task_index),
    FOREIGN KEY (job_id, stage) REFERENCES app.stages (job_id, number) ON DELETE CASCADE,
    CHECK (attempt <= max_attempts),
    CHECK ((lease_until IS NOT NULL) = (status = 'processing')),
    CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled')))
);
-- "is any task of this stage still open?", asked once per finished task. Not by status: whatever asks for one status
-- could then be led to this index, which holds all that waits, when the planner's statistics are late.
CREATE INDEX tasks_open_idx ON app.tasks (job_id, stage, seq) WHERE finished_at IS NULL;
CREATE INDEX tasks_unsuccessful_idx ON app.tasks (job_id, stage, status) WHERE status IN ('failed', 'cancelled');
CREATE INDEX tasks_lease_idx ON app.tasks (lease_until) WHERE status = 'processing';
-- what is out on a queue, by tenant; and what waits to be let out, in the order of its turn
CREATE INDEX tasks_out_idx ON app.tasks (target_queue, tenant) WHERE status IN ('queued', 'processing');
CREATE INDEX tasks_turn_idx ON app.tasks (target_queue, priority DESC, tenant, seq)
    WHERE status = 'pending_queue';
CREATE INDEX tasks_waiting_idx ON app.tasks (hinted_at) WHERE status IN ('queued', 'pending_retry');

-- The few tasks with a failed attempt behind them: the events of a job tell of them.
CREATE INDEX tasks_retried_idx ON app.tasks (job_id) WHERE attempt > 1 OR status = 'pending_retry';

-- What handlers logged, written once when an attempt ends; `seq` counts the records of the attempt.
CREATE TABLE app.task_logs (
    task_id text NOT NULL REFERENCES app.tasks ON DELETE CASCADE,
    attempt integer NOT NULL CHECK (attempt >= 1),
    seq     integer NOT NULL CHECK (seq >= 1),
    at      timestamptz NOT NULL,
    level   text NOT NULL,
    message text NOT NULL,
    fields  jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (task_id, attempt, seq)
);

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
    -- retired: published once, and replaced since; the janitor removes it after a while
    state       text NOT NULL DEFAULT 'staged'
                CHECK (state IN ('staged', 'published', 'retired', 'discarded')),
    -- what a table is called in the schema `geo`; NULL for blobs, and for what older code published
    published_as varchar(63),
    -- what only the request's later tasks need; it is never published
    temporary   boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX artefacts_staged_idx ON app.artefacts (job_id) WHERE state = 'staged';
CREATE INDEX artefacts_published_idx ON app.artefacts (job_id) WHERE state = 'published';
CREATE INDEX artefacts_retired_idx ON app.artefacts (updated_at) WHERE state = 'retired';

-- The apps that are alive: each process says so every few seconds, with what it listens to.
CREATE TABLE app.listeners (
    instance     text PRIMARY KEY,
    app_name     text NOT NULL,
    app_mode     text NOT NULL,
    version      text NOT NULL,
    queues       text[] NOT NULL,
    slots        integer NOT NULL CHECK (slots >= 1),
    started_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now()
);

-- Every message that ended in a dead-letter queue, and what was done about it. The same one may be read
-- twice; it is recorded once.
CREATE TABLE app.dead_letters (
    dead_letter_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue           text NOT NULL,
    message_id      text,
    sequence_number bigint,
    body            text NOT NULL,
    reason          text,
    description     text,
    delivery_count  integer,
    -- what the message was about: a task, or a step of a job; NULL for what no version of ours has sent
    subject         text,
    outcome         text NOT NULL DEFAULT 'received'
                    CHECK (outcome IN ('received', 'promised_again', 'given_up', 'stale', 'malformed')),
    received_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (queue, message_id, sequence_number)
);
CREATE INDEX dead_letters_received_idx ON app.dead_letters (received_at DESC);
CREATE INDEX dead_letters_queue_idx ON app.dead_letters (queue, dead_letter_id DESC);
CREATE INDEX dead_letters_subject_idx ON app.dead_letters (subject, dead_letter_id) WHERE subject IS NOT NULL;
