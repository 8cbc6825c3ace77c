-- The current state of each dataset: app.datasets, one row per identity.

-- name: insert
INSERT INTO app.datasets (dataset_key, namespace, identifiers, collection_id, data_type, status_history)
VALUES (%(dataset_key)s, %(namespace)s, %(identifiers)s, %(collection_id)s, %(data_type)s,
        jsonb_build_array(jsonb_build_object('status', 'requested', 'revision', 1, 'at', clock_timestamp())))
ON CONFLICT DO NOTHING
RETURNING dataset_key

-- name: get
SELECT dataset_key, namespace, identifiers, collection_id, data_type, status, revision, published_revision
FROM app.datasets WHERE dataset_key = %(dataset_key)s

-- name: lock
SELECT dataset_key, namespace, identifiers, collection_id, data_type, status, revision, published_revision
FROM app.datasets WHERE dataset_key = %(dataset_key)s FOR UPDATE

-- name: move
-- `allowed_from` is the transition table's word on it; zero rows mean that the state was another one.
UPDATE app.datasets
SET status = %(status)s::text, updated_at = clock_timestamp(),
    started_at = CASE WHEN %(status)s::text = 'processing' THEN coalesce(started_at, clock_timestamp())
                      ELSE started_at END,
    status_history = status_history || jsonb_build_array(jsonb_build_object(
        'status', %(status)s::text, 'revision', revision, 'reason', %(reason)s::text, 'at', clock_timestamp()))
WHERE dataset_key = %(dataset_key)s AND status = ANY(%(allowed_from)s)
RETURNING status

-- name: revise
UPDATE app.datasets
SET revision = %(revision)s, data_type = %(data_type)s, requested_at = clock_timestamp(), started_at = NULL,
    completed_at = NULL, updated_at = clock_timestamp()
WHERE dataset_key = %(dataset_key)s AND revision = %(revision)s - 1
RETURNING revision

-- name: publish
UPDATE app.datasets
SET published_revision = %(revision)s, data_locations = %(data_locations)s,
    data_characteristics = %(data_characteristics)s, api_endpoint = %(api_endpoint)s, api_type = %(api_type)s,
    completed_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE dataset_key = %(dataset_key)s AND revision = %(revision)s
RETURNING dataset_key

-- name: publish_table_artefact
-- Only what was published: what a lost attempt left behind stays staged, for the sweeper.
UPDATE app.artefacts a
SET state = 'published', published_as = %(published_as)s, updated_at = clock_timestamp()
FROM platform.request_jobs rj
WHERE rj.request_id = %(request_id)s AND a.job_id = rj.job_id AND a.kind = 'table'
  AND a.location = %(location)s AND a.state = 'staged'
RETURNING a.artefact_id

-- name: publish_blobs
-- What the winning attempts of completed tasks have made, except what only later tasks needed.
UPDATE app.artefacts a SET state = 'published', updated_at = clock_timestamp()
FROM platform.request_jobs rj JOIN app.tasks t USING (job_id)
WHERE rj.request_id = %(request_id)s AND a.job_id = rj.job_id AND t.task_id = a.task_id
  AND t.status = 'completed' AND a.attempt = t.attempt
  AND a.kind = 'blob' AND a.state = 'staged' AND NOT a.temporary
RETURNING a.location

-- name: retire
-- What all other jobs of the dataset have published: the revision that is replaced, and whatever older ones
-- have left. A table of which no name is known was published under the dataset's, by older code.
UPDATE app.artefacts a
SET state = 'retired', updated_at = clock_timestamp(),
    published_as = CASE WHEN a.kind = 'table' THEN coalesce(a.published_as, d.collection_id) END
FROM app.jobs j JOIN app.datasets d USING (dataset_key)
WHERE j.dataset_key = %(dataset_key)s AND a.job_id = j.job_id AND a.state = 'published'
  AND j.platform_request_id IS DISTINCT FROM %(request_id)s

-- name: forget_collections
DELETE FROM platform.collections WHERE dataset_key = %(dataset_key)s

-- name: add_collection
INSERT INTO platform.collections (
    collection_id, dataset_key, request_id, position, layer, family, title, table_name, generalised_name,
    overview_name, characteristics
) VALUES (
    %(collection_id)s, %(dataset_key)s, %(request_id)s, %(position)s, %(layer)s, %(family)s, %(title)s,
    %(table_name)s, %(generalised_name)s, %(overview_name)s, %(characteristics)s
)

-- name: forget_mosaics
DELETE FROM platform.mosaics WHERE dataset_key = %(dataset_key)s

-- name: add_mosaic
INSERT INTO platform.mosaics (
    collection_id, dataset_key, request_id, position, title, locations, characteristics, endpoints
) VALUES (
    %(collection_id)s, %(dataset_key)s, %(request_id)s, %(position)s, %(title)s, %(locations)s,
    %(characteristics)s, %(endpoints)s
)

-- name: raise_catalog_version
-- First in a publication: its row lock makes publications follow one another.
UPDATE platform.catalog_version SET version = version + 1 RETURNING version
