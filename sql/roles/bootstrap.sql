-- What only an administrator may do, once per database. On Azure Flexible Server the administrator is
-- no superuser: allow-list the three extensions first (docs/how-to/prepare-a-database.md).

CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS unaccent;

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['pgstac_admin', 'pgstac_read', 'pgstac_ingest'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = v_role) THEN
            EXECUTE format('CREATE ROLE %I', v_role);
        END IF;
    END LOOP;
    FOREACH v_role IN ARRAY ARRAY['geo_owner', 'geo_app', 'geo_reader'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = v_role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', v_role);
        END IF;
    END LOOP;
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO geo_owner, geo_app, geo_reader', current_database());
    EXECUTE format('GRANT CREATE ON DATABASE %I TO geo_owner', current_database());
END
$$;

ALTER ROLE geo_owner CREATEROLE;
GRANT pgstac_admin, pgstac_read, pgstac_ingest TO geo_owner WITH ADMIN OPTION;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO geo_owner;
