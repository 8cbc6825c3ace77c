-- The published datasets as the page lists them.

-- name: latest
SELECT collection_id, data_type, identifiers, published_at, endpoints, data_characteristics
FROM platform.published_datasets
ORDER BY published_at DESC NULLS LAST, collection_id
LIMIT %(limit)s

-- name: find
-- A dataset, or one of several mosaics of it, which tells what the others are.
SELECT collection_id, data_type, identifiers, published_at, endpoints, data_characteristics, NULL AS own_title,
       collection_id AS dataset
FROM platform.published_datasets WHERE collection_id = %(collection_id)s
UNION ALL
SELECT m.collection_id, m.data_type, m.identifiers, m.published_at, m.endpoints,
       m.data_characteristics || jsonb_build_object('mosaics', d.data_characteristics -> 'mosaics'), m.title,
       d.collection_id
FROM platform.published_mosaics m JOIN platform.published_datasets d USING (request_id)
WHERE m.collection_id = %(collection_id)s
