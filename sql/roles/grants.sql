-- Least privilege, granted anew by every migration: geo_app works, geo_reader serves, geo_owner owns.
-- What an earlier version granted is taken back first; nobody sees the moment in between.

REVOKE ALL ON SCHEMA app, platform, geo, staging FROM geo_app, geo_reader;
REVOKE ALL ON ALL TABLES IN SCHEMA app, platform FROM geo_app, geo_reader;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA app, platform FROM geo_app, geo_reader;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA app, platform FROM geo_app, geo_reader;
REVOKE ALL ON public.schema_migrations FROM geo_app, geo_reader;

GRANT USAGE ON SCHEMA app, platform TO geo_app, geo_reader;
GRANT USAGE, CREATE ON SCHEMA geo, staging TO geo_app;
GRANT USAGE ON SCHEMA geo TO geo_reader;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app, platform TO geo_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA app, platform TO geo_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA app, platform FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app, platform TO geo_app;
GRANT SELECT ON public.schema_migrations TO geo_app;

GRANT SELECT ON platform.published_datasets, platform.published_collections, platform.published_mosaics,
    platform.catalog_version TO geo_reader;

GRANT pgstac_read TO geo_reader;
GRANT pgstac_ingest TO geo_app;
