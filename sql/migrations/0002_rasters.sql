-- Rasters: blobs that only later tasks need, and the places of a mosaic's parts for the serving apps.

ALTER TABLE app.artefacts ADD COLUMN temporary boolean NOT NULL DEFAULT false;

CREATE OR REPLACE VIEW platform.published_datasets AS
    SELECT d.collection_id, d.dataset_key, r.request_id, d.data_type, d.identifiers,
           d.data_locations ->> 'table' AS table_name,
           d.data_locations ->> 'blob' AS blob_uri,
           d.data_locations ->> 'stac_collection' AS stac_collection,
           d.data_locations ->> 'stac_item' AS stac_item,
           d.data_characteristics, r.endpoints, d.completed_at AS published_at,
           d.data_locations
    FROM app.datasets d
    JOIN platform.requests r ON r.dataset_key = d.dataset_key AND r.revision = d.published_revision
    WHERE d.status IN ('ready', 'updating', 'deprecated');
