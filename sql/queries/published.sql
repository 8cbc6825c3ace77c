-- The published datasets as the page lists them.

-- name: latest
SELECT collection_id, data_type, identifiers, published_at, endpoints, data_characteristics
FROM platform.published_datasets
ORDER BY published_at DESC NULLS LAST, collection_id
LIMIT %(limit)s

-- name: find
SELECT collection_id, data_type, identifiers, published_at, endpoints, data_characteristics
FROM platform.published_datasets WHERE collection_id = %(collection_id)s
