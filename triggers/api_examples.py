"""Submissions as clients send them: one for each type of data. A test sees that each is taken."""

from collections.abc import Mapping
from typing import Any

SUBMISSIONS: Mapping[str, Mapping[str, Any]] = {
    "vector": {
        "dataset_id": "natural-earth",
        "resource_id": "countries",
        "version_id": "v5",
        "request_type": "vector",
        "source_path": "bronze/countries.gpkg",
        "processing_config": {"layer": "countries"},
    },
    "vector_of_several_layers": {
        "dataset_id": "roads",
        "resource_id": "network",
        "version_id": "v3",
        "request_type": "vector",
        "source_path": "bronze/roads.gdb.zip",
        "processing_config": {
            "layers": ["roads", "bridges"],
            "invalid_geometry": "reject",
            "max_failed_fraction": 0.01,
            "index": ["road_class"],
            "text_search": ["name"],
            "exports": ["gpkg", "parquet"],
            "generate_tile_cache": True,
        },
    },
    "vector_of_points": {
        "dataset_id": "wells",
        "resource_id": "levels",
        "version_id": "2024-06",
        "request_type": "vector",
        "source_path": "bronze/wells/levels.csv",
        "processing_config": {
            "x_column": "easting",
            "y_column": "northing",
            "source_crs": "EPSG:25832",
            "encoding": "cp1252",
            "id_column": "well_no",
        },
    },
    "raster": {
        "dataset_id": "elevation",
        "resource_id": "alps",
        "version_id": "2024",
        "request_type": "raster",
        "source_path": "bronze/elevation/alps.tif",
        "processing_config": {
            "cog_tier": "analysis",
            "target_crs": "EPSG:3857",
            "default_colormap": "terrain",
            "generate_tile_cache": True,
            "products": ["hillshade", "slope"],
        },
    },
    "large_raster": {
        "dataset_id": "imagery",
        "resource_id": "17apr2024wv2",
        "version_id": "v1",
        "request_type": "large_raster",
        "source_path": "bronze/17apr2024wv2.tif",
        "processing_config": {
            "target_crs": "EPSG:4326",
            "cog_tier": "analysis",
            "tile_size": 4096,
            "max_failed_fraction": 0.01,
        },
    },
    "raster_collection_by_pattern": {
        "dataset_id": "imagery_2025",
        "resource_id": "aerial_survey",
        "version_id": "v2025.Q3",
        "request_type": "raster_collection",
        "blob_pattern": "azure://bronze/imagery/2025/Q3/*.tif",
        "processing_config": {"target_resolution": 0.3, "compression": "DEFLATE"},
    },
    "raster_collection_by_folder": {
        "dataset_id": "landsat",
        "resource_id": "mosaic",
        "version_id": "2024-06",
        "request_type": "mosaic",
        "source_path": "bronze/landsat/2024-06/",
        "processing_config": {"on_mixed": "groups", "max_failed_fraction": 0.05},
    },
    "raster_collection_of_several_kinds": {
        "dataset_id": "survey",
        "resource_id": "valley",
        "version_id": "2024",
        "request_type": "raster_collection",
        "source_path": "bronze/survey/valley/",
        "processing_config": {"on_mixed": "split", "generate_tile_cache": True},
    },
    "raster_collection_by_names": {
        "dataset_id": "flood",
        "resource_id": "scenes",
        "version_id": "v1",
        "request_type": "collection",
        "blob_paths": ["bronze/flood/before.tif", "bronze/flood/after.tif"],
        "processing_config": {"default_colormap": "blues"},
    },
}
