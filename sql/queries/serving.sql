-- What the serving apps read, as role geo_reader. These statements run on asyncpg, the driver of tipg and
-- stac-fastapi, and so have its placeholders ($1).

-- name: catalog_version
SELECT version FROM platform.catalog_version

-- name: current_request
-- The request whose revision is published under this name: all else that is known of it never changes.
SELECT request_id FROM platform.published_datasets WHERE collection_id = $1
UNION ALL
SELECT request_id FROM platform.published_mosaics WHERE collection_id = $1

-- name: published_dataset
SELECT collection_id, request_id, data_type, identifiers, NULL AS own_title, table_name, blob_uri, data_locations,
       data_characteristics
FROM platform.published_datasets WHERE collection_id = $1
UNION ALL
SELECT collection_id, request_id, data_type, identifiers, title, NULL, NULL, data_locations,
       data_characteristics
FROM platform.published_mosaics WHERE collection_id = $1

-- name: published_blob
SELECT collection_id, request_id, data_type, identifiers, table_name, blob_uri, data_locations,
       data_characteristics
FROM platform.published_datasets WHERE blob_uri = $1

-- name: published_request
SELECT collection_id, request_id, data_type, identifiers, table_name, blob_uri, data_locations,
       data_characteristics
FROM platform.published_datasets WHERE request_id = $1

-- name: published_beside
-- The mosaics of a dataset beside its first.
SELECT collection_id, request_id, data_type, identifiers, title AS own_title, NULL AS table_name,
       NULL AS blob_uri, data_locations, data_characteristics
FROM platform.published_mosaics WHERE request_id = $1 ORDER BY position

-- name: current_layer_request
-- The same for a collection of features.
SELECT request_id FROM platform.published_collections WHERE collection_id = $1

-- name: published_layer
SELECT collection_id, request_id, title, table_name, generalised_name, overview_name, characteristics
FROM platform.published_collections WHERE collection_id = $1

-- name: published_layers
SELECT collection_id, request_id, title, table_name, generalised_name, overview_name, characteristics
FROM platform.published_collections ORDER BY collection_id

-- name: what_else_is_published
-- The dataset of a name that is no collection's, and the collections of it.
SELECT d.collection_id,
       (SELECT array_agg(c.collection_id ORDER BY c.position) FROM platform.published_collections c
        WHERE c.request_id = d.request_id) AS layers
FROM platform.published_datasets d WHERE d.collection_id = $1

-- name: describe_tables
-- The columns of tables in the schema `geo`, under the type names that tipg knows.
SELECT c.relname AS table_name,
       (SELECT k.attname FROM pg_index i JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
        WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1) AS key_column,
       jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
           'name', a.attname,
           'type', CASE format_type(a.atttypid, NULL)
                       WHEN 'character varying' THEN 'text'
                       WHEN 'double precision' THEN 'float8'
                       WHEN 'timestamp with time zone' THEN 'timestamptz'
                       WHEN 'timestamp without time zone' THEN 'timestamp'
                       ELSE format_type(a.atttypid, NULL) END,
           'description', col_description(c.oid, a.attnum),
           'geometry_type', CASE WHEN t.typname = 'geometry' THEN postgis_typmod_type(a.atttypmod) END,
           'srid', CASE WHEN t.typname = 'geometry' THEN postgis_typmod_srid(a.atttypmod) END
       )) ORDER BY a.attnum) AS columns
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'geo'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relname = ANY($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm')
GROUP BY c.oid, c.relname
