-- The overview of a table with very many features. Older code leaves it empty, and its collections have none.

ALTER TABLE platform.collections ADD COLUMN overview_name varchar(63) UNIQUE;

CREATE OR REPLACE VIEW platform.published_collections AS
    SELECT c.collection_id, c.dataset_key, c.request_id, c.layer, c.family, c.position, c.title,
           c.table_name, c.generalised_name, c.characteristics, d.data_locations,
           d.collection_id AS dataset_collection_id, d.identifiers, d.published_at, c.overview_name
    FROM platform.collections c
    JOIN platform.published_datasets d ON d.request_id = c.request_id
    UNION ALL
    SELECT d.collection_id, d.dataset_key, d.request_id, d.collection_id, NULL, 0,
           concat_ws(' / ', d.identifiers ->> 'dataset_id', d.identifiers ->> 'resource_id',
                     d.identifiers ->> 'version_id'),
           d.table_name, NULL, d.data_characteristics, d.data_locations,
           d.collection_id, d.identifiers, d.published_at, NULL
    FROM platform.published_datasets d
    WHERE d.table_name IS NOT NULL
      AND NOT EXISTS (SELECT FROM platform.collections c WHERE c.request_id = d.request_id);
