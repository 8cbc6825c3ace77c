-- The Platform: who asks (clients), what was asked (requests), what exists (datasets).

CREATE SCHEMA platform;
CREATE SCHEMA geo;
CREATE SCHEMA staging;

CREATE TABLE platform.clients (
    client_id  varchar(50) PRIMARY KEY,
    namespace  varchar(50) NOT NULL DEFAULT 'ddh',
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO platform.clients (client_id) VALUES ('ddh_v1');

-- The current state of each thing, one row per identity.
CREATE TABLE app.datasets (
    dataset_key         varchar(64) PRIMARY KEY,
    namespace           varchar(50) NOT NULL,
    identifiers         jsonb NOT NULL,
    collection_id       varchar(63) NOT NULL UNIQUE,
    data_type           varchar(50) NOT NULL,
    status              varchar(20) NOT NULL DEFAULT 'requested' CHECK (
        status IN ('requested', 'provisioning', 'processing', 'updating', 'ready',
                   'failed', 'cancelled', 'deprecated', 'deleted')
    ),
    status_history      jsonb NOT NULL DEFAULT '[]',
    revision            integer NOT NULL DEFAULT 1 CHECK (revision >= 1),
    published_revision  integer,
    api_endpoint        text,
    api_type            text,
    data_locations      jsonb NOT NULL DEFAULT '{}',
    data_characteristics jsonb NOT NULL DEFAULT '{}',
    processing_metadata jsonb NOT NULL DEFAULT '{}',
    requested_at        timestamptz NOT NULL DEFAULT now(),
    started_at          timestamptz,
    completed_at        timestamptz,
    updated_at          timestamptz NOT NULL DEFAULT now()
);

-- Every ask, one row per revision of a dataset.
CREATE TABLE platform.requests (
    request_id           varchar(32) PRIMARY KEY,
    dataset_key          varchar(64) NOT NULL REFERENCES app.datasets,
    revision             integer NOT NULL CHECK (revision >= 1),
    client_id            varchar(50) NOT NULL REFERENCES platform.clients,
    client_request_id    varchar(255),
    dataset_id           varchar(255),
    resource_id          varchar(255),
    version_id           varchar(50),
    request_type         varchar(50) NOT NULL,
    source_path          text NOT NULL,
    processing_config    jsonb NOT NULL DEFAULT '{}',
    original_request     jsonb NOT NULL,
    fingerprint          varchar(64) NOT NULL,
    status               varchar(20) NOT NULL DEFAULT 'pending'
                         CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
    progress_percent     integer NOT NULL DEFAULT 0 CHECK (progress_percent BETWEEN 0 AND 100),
    status_message       text,
    job_chain            jsonb NOT NULL DEFAULT '[]',
    current_job_index    integer NOT NULL DEFAULT 0 CHECK (current_job_index >= 0),
    endpoints            jsonb,
    stac_metadata        jsonb,
    data_characteristics jsonb,
    warnings             jsonb NOT NULL DEFAULT '[]',
    error                jsonb,
    processing_metadata  jsonb NOT NULL DEFAULT '{}',
    created_at           timestamptz NOT NULL DEFAULT now(),
    started_at           timestamptz,
    completed_at         timestamptz,
    updated_at           timestamptz NOT NULL DEFAULT now(),
    callback_url         text,
    callback_status      varchar(20) CHECK (callback_status IN ('pending', 'sent', 'failed')),
    UNIQUE (dataset_key, revision),
    CHECK ((completed_at IS NOT NULL) = (status IN ('completed', 'failed')))
);
CREATE INDEX requests_created_idx ON platform.requests (created_at DESC, request_id);
CREATE INDEX requests_client_reference_idx ON platform.requests (client_request_id)
    WHERE client_request_id IS NOT NULL;

-- Which job serves which step of which request; written in the transaction that creates the job.
CREATE TABLE platform.request_jobs (
    request_id varchar(32) NOT NULL REFERENCES platform.requests ON DELETE CASCADE,
    step       integer NOT NULL CHECK (step >= 0),
    job_id     varchar(64) NOT NULL REFERENCES app.jobs,
    PRIMARY KEY (request_id, step)
);
CREATE INDEX request_jobs_job_idx ON platform.request_jobs (job_id);

ALTER TABLE app.jobs ADD CONSTRAINT jobs_platform_request_fk
    FOREIGN KEY (platform_request_id) REFERENCES platform.requests;

CREATE VIEW platform.current_requests AS
    SELECT r.* FROM platform.requests r
    JOIN app.datasets d ON d.dataset_key = r.dataset_key AND d.revision = r.revision;

-- One row. A publication raises it in its own transaction; the serving apps compare it on each request
-- and reload their catalogue when it has moved.
CREATE TABLE platform.catalog_version (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version   bigint NOT NULL DEFAULT 0
);
INSERT INTO platform.catalog_version DEFAULT VALUES;

-- What the serving apps may know of a published dataset.
CREATE VIEW platform.published_datasets AS
    SELECT d.collection_id, d.dataset_key, r.request_id, d.data_type, d.identifiers,
           d.data_locations ->> 'table' AS table_name,
           d.data_locations ->> 'blob' AS blob_uri,
           d.data_locations ->> 'stac_collection' AS stac_collection,
           d.data_locations ->> 'stac_item' AS stac_item,
           d.data_characteristics, r.endpoints, d.completed_at AS published_at,
           d.data_locations
    FROM app.datasets d
    JOIN platform.requests r ON r.dataset_key = d.dataset_key AND r.revision = d.published_revision
    WHERE d.status IN ('ready', 'updating', 'deprecated');

-- The tables of the published revision of each vector dataset, one row per collection of features. The rows
-- of a dataset are replaced by each of its publications.
CREATE TABLE platform.collections (
    collection_id    varchar(63) PRIMARY KEY,
    dataset_key      varchar(64) NOT NULL REFERENCES app.datasets,
    request_id       varchar(32) NOT NULL REFERENCES platform.requests,
    position         integer NOT NULL CHECK (position >= 0),
    layer            text NOT NULL,
    -- of a layer that was split by families of geometries; NULL otherwise
    family           text,
    title            text NOT NULL,
    -- in the schema `geo`, as are its companions, of which tiles of low zooms are made: of huge geometries, and of
    -- very many features
    table_name       varchar(63) NOT NULL UNIQUE,
    generalised_name varchar(63) UNIQUE,
    characteristics  jsonb NOT NULL,
    overview_name    varchar(63) UNIQUE,
    UNIQUE (dataset_key, position)
);
CREATE INDEX collections_request_idx ON platform.collections (request_id);

-- What the serving apps may know of a published collection. A dataset whose published revision has no rows
-- above was published by a version that knew of one table per dataset: the second half is that table.
CREATE VIEW platform.published_collections AS
    SELECT c.collection_id, c.dataset_key, c.request_id, c.layer, c.family, c.position, c.title,
           c.table_name, c.generalised_name, c.characteristics, d.data_locations,
           d.collection_id AS dataset_collection_id, d.identifiers, d.published_at, c.overview_name
    FROM platform.collections c
    JOIN platform.published_datasets d ON d.request_id = c.request_id
    UNION ALL
    SELECT d.collection_id, d.dataset_key, d.request_id, d.collection_id, NULL, 0,
           concat_ws(' / ', d.identifiers ->> 'dataset_id', d.identifiers ->> 'resource_id',
                     d.identifiers ->> 'version_id'),
           d.table_name, NULL, d.data_characteristics, d.data_locations,
           d.collection_id, d.identifiers, d.published_at, NULL
    FROM platform.published_datasets d
    WHERE d.table_name IS NOT NULL
      AND NOT EXISTS (SELECT FROM platform.collections c WHERE c.request_id = d.request_id);
