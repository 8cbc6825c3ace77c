-- Tables of features. Braces are identifiers and types, put in by infrastructure/repositories/vector_*.py.

-- name: srid_is_known
SELECT EXISTS (SELECT FROM spatial_ref_sys WHERE srid = %(srid)s) AS known

-- name: drop_staging_table
DROP TABLE IF EXISTS staging.{table}

-- name: create_staging_table
-- Autovacuum would take the locks that the indexes wait for.
CREATE TABLE staging.{table} (
    fid bigint NOT NULL,
    {columns}
    geom geometry({geometry_type}, {srid})
) WITH (autovacuum_enabled = off)

-- name: copy_into_staging_table
COPY staging.{table} ({columns}) FROM STDIN (FORMAT binary)

-- name: copy_out_of_staging_table
COPY staging.{table} ({columns}) TO STDOUT (FORMAT binary)

-- name: begin_chunk
-- Of two attempts at one chunk the second waits here for the first, and then finds its row.
INSERT INTO app.vector_chunks (table_name, chunk_index) VALUES (%(table)s, %(chunk_index)s)
ON CONFLICT DO NOTHING RETURNING chunk_index

-- name: end_chunk
UPDATE app.vector_chunks SET result = %(result)s, loaded_at = clock_timestamp()
WHERE table_name = %(table)s AND chunk_index = %(chunk_index)s

-- name: chunk_result
SELECT result FROM app.vector_chunks WHERE table_name = %(table)s AND chunk_index = %(chunk_index)s

-- name: chunk_results
SELECT result FROM app.vector_chunks WHERE table_name = %(table)s ORDER BY chunk_index

-- name: forget_chunks
DELETE FROM app.vector_chunks WHERE table_name = %(table)s

-- name: prepare_to_index
-- A worker that was told to stop is killed; its statement must not go on for minutes without it.
SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL client_connection_check_interval = '2s'

-- name: add_key
CREATE UNIQUE INDEX IF NOT EXISTS {index} ON staging.{table} (fid)

-- name: add_spatial_index
CREATE INDEX IF NOT EXISTS {index} ON staging.{table} USING gist (geom)

-- name: add_index
CREATE INDEX IF NOT EXISTS {index} ON staging.{table} ({column})

-- name: add_prefix_index
-- An entry of a B-tree has at most 2,704 bytes: of long texts the beginning is indexed.
CREATE INDEX IF NOT EXISTS {index} ON staging.{table} (left({column}, 200))

-- name: longest_text
SELECT coalesce(max(octet_length({column})), 0) AS longest FROM staging.{table}

-- name: add_hash_index
CREATE INDEX IF NOT EXISTS {index} ON staging.{table} USING hash ({column})

-- name: add_json_index
CREATE INDEX IF NOT EXISTS {index} ON staging.{table} USING gin ({column} jsonb_path_ops)

-- name: add_text_search
-- `simple`: words as they are written, for nobody knows the language. A row has at most 1 MB of words.
CREATE INDEX IF NOT EXISTS {index} ON staging.{table}
USING gin (to_tsvector('simple'::regconfig, left({column}::text, 100000)))

-- name: analyse
ANALYZE staging.{table}

-- name: has_primary_key
SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass(%(table)s) AND indisprimary) AS has_key

-- name: make_key_primary
ALTER TABLE staging.{table} ADD CONSTRAINT {index} PRIMARY KEY USING INDEX {index}

-- name: let_vacuum
ALTER TABLE staging.{table} RESET (autovacuum_enabled)

-- name: profiles
SELECT s.attname AS name, s.null_frac AS null_fraction, s.n_distinct AS distinct_count,
       s.most_common_vals::text::text[] AS common_values, s.most_common_freqs AS common_fractions,
       s.histogram_bounds::text::text[] AS bounds
FROM pg_stats s
WHERE s.schemaname = 'staging' AND s.tablename = %(table)s AND s.attname = ANY(%(columns)s)
