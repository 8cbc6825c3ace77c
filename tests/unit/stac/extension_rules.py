"""What the specifications of the extensions demand of the fields that we write, as JSON Schema.

Written from the README of each extension at the version named: types, closed lists, required fields, and
that no other field of the prefix exists. Where all may appear, they are looked for everywhere.
"""

from typing import Any

Schema = dict[str, Any]
_NUMBER: Schema = {"type": "number"}
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_DATA_TYPES = (
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32"),
    *("float64", "cint16", "cint32", "cfloat32", "cfloat64", "other"),
)


def _array(items: Schema, *, length: int | None = None) -> Schema:
    bounds = {} if length is None else {"minItems": length, "maxItems": length}
    return {"type": "array", "items": items, **bounds}


def _closed(properties: dict[str, Schema], *, prefix: str = "") -> Schema:
    """Only these fields, of all that begin with the prefix."""
    others: Schema = {f"^(?!{prefix})": {}} if prefix else {}
    return {
        "type": "object",
        "properties": properties,
        "patternProperties": others,
        "additionalProperties": False,
    }


def _everywhere(fields: Schema) -> Schema:
    """In the properties of an item, in its assets, in those that a collection describes."""
    assets = {"type": "object", "additionalProperties": fields}
    return {"properties": {"properties": fields, "assets": assets, "item_assets": assets}}


_PROJECTION = _everywhere(
    _closed(
        {
            "proj:epsg": {"type": ["integer", "null"]},
            "proj:code": {"type": ["string", "null"], "pattern": "^[A-Z]+:[0-9A-Za-z]+$"},
            "proj:wkt2": {"type": ["string", "null"]},
            "proj:bbox": _array(_NUMBER, length=4),
            "proj:shape": _array(_COUNT, length=2),
            "proj:transform": _array(_NUMBER, length=6),
        },
        prefix="proj:",
    )
)

_CLASSES = _array(
    _closed(
        {
            "value": {"type": "integer"},
            "name": {"type": "string", "pattern": "^[0-9A-Za-z-_]+$"},
            "title": _TEXT,
            "color_hint": {"type": "string", "pattern": "^[0-9A-F]{6}$"},
        }
    )
    | {"required": ["value", "name"]}
) | {"minItems": 1, "uniqueItems": True}

_BAND = _closed(
    {
        "classification:classes": _CLASSES,
        "data_type": {"enum": list(_DATA_TYPES)},
        "nodata": {"anyOf": [_NUMBER, {"enum": ["nan", "inf", "-inf"]}]},
        "spatial_resolution": {"type": "number", "exclusiveMinimum": 0},
        "unit": _TEXT,
        "statistics": _closed(
            {
                "minimum": _NUMBER,
                "maximum": _NUMBER,
                "mean": _NUMBER,
                "stddev": {"type": "number", "minimum": 0},
                "valid_percent": {"type": "number", "minimum": 0, "maximum": 100},
            }
        )
        | {"minProperties": 1},
        "histogram": _closed(
            {"count": _COUNT, "min": _NUMBER, "max": _NUMBER, "buckets": _array(_COUNT) | {"minItems": 3}}
        )
        | {"required": ["count", "min", "max", "buckets"]},
    }
)
_RASTER = _everywhere(
    _closed({"raster:bands": _array(_BAND) | {"minItems": 1}}, prefix="raster:"),
)

_FILE = _everywhere(
    _closed(
        # A multihash of SHA-256: 0x12, 0x20, and 32 bytes.
        {"file:size": _COUNT, "file:checksum": {"type": "string", "pattern": "^1220[0-9a-f]{64}$"}},
        prefix="file:",
    )
)

_TABLE = _everywhere(
    _closed(
        {
            "table:columns": _array(
                _closed({"name": _TEXT, "type": _TEXT, "description": _TEXT}) | {"required": ["name"]}
            ),
            "table:primary_geometry": _TEXT,
            "table:row_count": _COUNT,
            "table:tables": _array(_closed({"name": _TEXT, "description": _TEXT}) | {"required": ["name"]}),
        },
        prefix="table:",
    )
)

_EO = _everywhere(
    _closed(
        {
            "eo:bands": _array(
                {
                    "type": "object",
                    "properties": {
                        "name": _TEXT,
                        "description": _TEXT,
                        "common_name": {"enum": ["red", "green", "blue"]},
                    },
                    "minProperties": 1,
                }
            )
        },
        prefix="eo:",
    )
)

_WITH_CLASSES: Schema = {
    "required": ["raster:bands"],
    "properties": {"raster:bands": {"contains": {"required": ["classification:classes"]}}},
}
_CLASSIFICATION: Schema = {
    "if": {"properties": {"type": {"const": "Collection"}}},
    "then": {"properties": {"item_assets": {"properties": {"data": _WITH_CLASSES}}}},
    "else": {"properties": {"assets": {"properties": {"data": _WITH_CLASSES}}}},
}

_RENDER = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "type": "object",
        "required": ["assets"],
        "properties": {
            "assets": _array(_TEXT) | {"minItems": 1},
            "title": _TEXT,
            "rescale": _array(_array(_NUMBER, length=2)) | {"minItems": 1},
            "colormap_name": _TEXT,
            "colormap": {
                "type": "object",
                "propertyNames": {"pattern": "^-?[0-9]+$"},
                "additionalProperties": _array({"type": "integer", "minimum": 0, "maximum": 255}, length=4),
            },
            "resampling": {"enum": ["nearest", "bilinear", "cubic"]},
            "bidx": _array({"type": "integer", "minimum": 1}) | {"minItems": 1},
            "minmax_zoom": _array(_COUNT, length=2),
        },
    },
}
_RENDERED_LINK: Schema = {
    "contains": {"type": "object", "required": ["rel", "render"], "properties": {"render": _TEXT}}
}
_RENDERS = {
    "if": {"properties": {"type": {"const": "Collection"}}},
    "then": {"required": ["renders"], "properties": {"renders": _RENDER}},
    "else": {
        "properties": {
            "properties": {"required": ["renders"], "properties": {"renders": _RENDER}},
            "links": _RENDERED_LINK,
        }
    },
}

_MAP_LINKS: Schema = {
    "properties": {
        "links": {
            "contains": {"properties": {"rel": {"enum": ["xyz", "tilejson", "pmtiles", "wms", "wmts"]}}},
            "items": {
                "if": {"properties": {"rel": {"const": "xyz"}}},
                "then": {"properties": {"href": {"pattern": r"\{z\}.*\{x\}.*\{y\}"}}},
            },
        }
    }
}

_ITEM_ASSETS: Schema = {
    "required": ["item_assets"],
    "properties": {
        "item_assets": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "object", "minProperties": 2, "not": {"required": ["href"]}},
        }
    },
}

RULES: dict[str, Schema] = {
    f"https://stac-extensions.github.io/{name}/schema.json": rules
    for name, rules in {
        "projection/v1.2.0": _PROJECTION,
        "raster/v1.1.0": _RASTER,
        "table/v1.2.0": _TABLE,
        "file/v2.1.0": _FILE,
        "eo/v1.1.0": _EO,
        "classification/v2.0.0": _CLASSIFICATION,
        "render/v2.0.0": _RENDERS,
        "web-map-links/v1.2.0": _MAP_LINKS,
        "item-assets/v1.0.0": _ITEM_ASSETS,
    }.items()
}
