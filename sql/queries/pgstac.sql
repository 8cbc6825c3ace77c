-- STAC documents, through pgSTAC's own functions. They need `pgstac` and `public` on the search path,
-- and what comes after them in the same transaction needs the path that was there before.

-- name: current_search_path
SELECT current_setting('search_path') AS search_path

-- name: set_search_path
SELECT set_config('search_path', %(search_path)s, true)

-- name: get_collection
SELECT content FROM pgstac.collections WHERE id = %(id)s

-- name: upsert_collection
SELECT pgstac.upsert_collection(%(content)s)

-- name: upsert_item
SELECT pgstac.upsert_item(%(content)s)
