-- Exports: files of published tables, made when they are asked for and kept as long as the revision.

-- One row per revision, collection and format.
CREATE TABLE platform.exports (
    export_id     varchar(32) PRIMARY KEY,
    request_id    varchar(32) NOT NULL REFERENCES platform.requests ON DELETE CASCADE,
    -- empty: all collections of the revision
    collection_id varchar(63) NOT NULL DEFAULT '',
    format        varchar(20) NOT NULL,
    state         varchar(20) NOT NULL CHECK (state IN ('building', 'ready', 'failed')),
    -- a failed or lost file is made again under the next number
    attempt       integer NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    job_id        varchar(64) NOT NULL REFERENCES app.jobs,
    blob_uri      text,
    size_bytes    bigint,
    sha256        varchar(64),
    media_type    text,
    feature_count bigint,
    notes         jsonb NOT NULL DEFAULT '[]',
    error         jsonb,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (request_id, collection_id, format),
    CHECK ((state = 'ready') = (blob_uri IS NOT NULL))
);
