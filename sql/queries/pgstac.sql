-- STAC documents, through pgSTAC's own functions, which set their search path themselves.

-- name: get_collection
SELECT content FROM pgstac.collections WHERE id = %(id)s

-- name: upsert_collection
SELECT pgstac.upsert_collection(%(content)s)

-- name: upsert_item
SELECT pgstac.upsert_item(%(content)s)

-- name: replace_items
SELECT platform.replace_stac_items(%(id)s, %(items)s::jsonb)

-- name: delete_item
DELETE FROM pgstac.items WHERE id = %(id)s AND collection = %(collection)s

-- name: delete_collection
DELETE FROM pgstac.collections WHERE id = %(id)s
