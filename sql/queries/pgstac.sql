-- STAC documents, through pgSTAC's own functions, which set their search path themselves.

-- name: get_collection
SELECT content FROM pgstac.collections WHERE id = %(id)s

-- name: upsert_collection
SELECT pgstac.upsert_collection(%(content)s)

-- name: upsert_item
SELECT pgstac.upsert_item(%(content)s)
