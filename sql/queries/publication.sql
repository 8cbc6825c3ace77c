-- Tables of features on their way into the schema `geo`, and out of it. Braces are identifiers, put in by
-- infrastructure/repositories/published_tables.py.

-- name: rename_staging_table
-- The new name is taken in `staging` first: two renames, and never a moment with a wrong name in `geo`.
ALTER TABLE staging.{table} RENAME TO {published}

-- name: publish_table
ALTER TABLE staging.{published} SET SCHEMA geo

-- name: grant_published_table
-- A table that moves into a schema does not take that schema's default privileges.
GRANT SELECT ON geo.{published} TO geo_reader

-- name: forget_chunks
-- What its chunks have left served the load alone.
DELETE FROM app.vector_chunks WHERE table_name = %(table)s

-- name: have_little_patience
SET LOCAL lock_timeout = '100ms'

-- name: lock_published_table
LOCK TABLE geo.{published} IN ACCESS EXCLUSIVE MODE

-- name: drop_published_table
DROP TABLE geo.{published}
