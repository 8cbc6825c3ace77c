-- name: lock
SELECT pg_advisory_xact_lock(7331270418820041337)

-- name: database_exists
SELECT 1 FROM pg_database WHERE datname = %(name)s

-- name: create_ledger
CREATE TABLE IF NOT EXISTS public.schema_migrations (
    name       text PRIMARY KEY,
    digest     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: ledger
SELECT name, digest FROM public.schema_migrations

-- name: record
INSERT INTO public.schema_migrations (name, digest) VALUES (%(name)s, %(digest)s)
