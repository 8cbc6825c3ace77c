-- The mosaics of the published revision of a raster dataset beside the first one, which stands in app.datasets;
-- there are some only where files of several kinds were split. The rows of a dataset are replaced by each of its
-- publications.
CREATE TABLE platform.mosaics (
    collection_id   varchar(63) PRIMARY KEY,
    dataset_key     varchar(64) NOT NULL REFERENCES app.datasets,
    request_id      varchar(32) NOT NULL REFERENCES platform.requests,
    position        integer NOT NULL CHECK (position >= 1),
    title           text NOT NULL,
    locations       jsonb NOT NULL,
    characteristics jsonb NOT NULL,
    endpoints       jsonb NOT NULL,
    UNIQUE (dataset_key, position)
);
CREATE INDEX mosaics_request_idx ON platform.mosaics (request_id);

-- What the serving apps may know of them.
CREATE VIEW platform.published_mosaics AS
    SELECT m.collection_id, m.dataset_key, m.request_id, m.position, m.title, d.data_type, d.identifiers,
           m.locations AS data_locations, m.characteristics AS data_characteristics, m.endpoints,
           d.collection_id AS dataset_collection_id, d.published_at
    FROM platform.mosaics m
    JOIN platform.published_datasets d ON d.request_id = m.request_id;
