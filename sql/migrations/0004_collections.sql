-- Several collections of one dataset, and what becomes of the tables and blobs of replaced revisions.
--
-- The first step of an expansion: what older code published, and still publishes while it runs beside newer
-- code, is read from where older code writes it. The rows of platform.collections for it are backfilled one
-- release later, when nothing writes the old shape any more.

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
    -- both in the schema `geo`; the companion serves tiles of low zooms
    table_name       varchar(63) NOT NULL UNIQUE,
    generalised_name varchar(63) UNIQUE,
    characteristics  jsonb NOT NULL,
    UNIQUE (dataset_key, position)
);
CREATE INDEX collections_request_idx ON platform.collections (request_id);

-- What the serving apps may know of a published collection. A dataset whose published revision has no rows
-- above was published by a version that knew of one table per dataset: the second half is that table.
CREATE VIEW platform.published_collections AS
    SELECT c.collection_id, c.dataset_key, c.request_id, c.layer, c.family, c.position, c.title,
           c.table_name, c.generalised_name, c.characteristics, d.data_locations,
           d.collection_id AS dataset_collection_id, d.identifiers, d.published_at
    FROM platform.collections c
    JOIN platform.published_datasets d ON d.request_id = c.request_id
    UNION ALL
    SELECT d.collection_id, d.dataset_key, d.request_id, d.collection_id, NULL, 0,
           concat_ws(' / ', d.identifiers ->> 'dataset_id', d.identifiers ->> 'resource_id',
                     d.identifiers ->> 'version_id'),
           d.table_name, NULL, d.data_characteristics, d.data_locations,
           d.collection_id, d.identifiers, d.published_at
    FROM platform.published_datasets d
    WHERE d.table_name IS NOT NULL
      AND NOT EXISTS (SELECT FROM platform.collections c WHERE c.request_id = d.request_id);

-- `retired`: published once, and replaced since; the janitor removes it after a while. Older code asks for
-- none of these rows, and so may run beside code that writes the state.
ALTER TABLE app.artefacts DROP CONSTRAINT artefacts_state_check;
ALTER TABLE app.artefacts ADD CONSTRAINT artefacts_state_check
    CHECK (state IN ('staged', 'published', 'retired', 'discarded'));
-- what a table is called in the schema `geo`; NULL for blobs, and for what older code published
ALTER TABLE app.artefacts ADD COLUMN published_as varchar(63);
CREATE INDEX artefacts_published_idx ON app.artefacts (job_id) WHERE state = 'published';
CREATE INDEX artefacts_retired_idx ON app.artefacts (updated_at) WHERE state = 'retired';
CREATE INDEX jobs_dataset_idx ON app.jobs (dataset_key) WHERE dataset_key IS NOT NULL;
