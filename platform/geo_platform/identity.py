"""The names of things: deterministic, and different for different things.

Every hash is over canonical JSON, never over concatenated strings: ("ab", "c") and ("a", "bc") are two
datasets.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_SLUG_BYTES = 48
_LAYER_BYTES = 20
_HASH_DIGITS = 8
_TABLE_BYTES = 63
_GENERALISED, _OVERVIEW = "_g", "_o"  # as long as each other


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def dataset_key(namespace: str, identifiers: Mapping[str, str]) -> str:
    """The identity of a dataset: 64 hex digits."""
    return _sha256({"ns": namespace, "ids": dict(identifiers)})


def request_id(key: str, revision: int) -> str:
    """The id of the request for one revision of a dataset: 32 hex digits."""
    return hashlib.sha256(f"{key}:{revision}".encode()).hexdigest()[:32]


def collection_id(identifiers: Mapping[str, str], key: str) -> str:
    """The public name of a dataset: an OGC collection id, the stem of its tables' names, a STAC item id.

    At most 59 bytes. The identifiers make it readable, the first digits of the key make it unique: names of
    which PostgreSQL would keep the same 63 bytes stay different.
    """
    slug = _slug("_".join(identifiers.values()), most=_SLUG_BYTES)
    return f"{'d_' if slug[:1].isdigit() else ''}{slug}_{key[:_HASH_DIGITS]}"


def layer_collection_id(dataset_collection_id: str, layer: str) -> str:
    """The public name of one of several tables of a dataset, with the same guarantees.

    It depends on the dataset and on what it calls the layer, never on the order of layers: the next revision
    of a dataset keeps the names of the layers that stay.
    """
    digest = _sha256({"collection": dataset_collection_id, "layer": layer})
    words = _slug(layer, most=_LAYER_BYTES)
    room = len("d_") + _SLUG_BYTES - len(words) - 1
    slug = dataset_collection_id[: -_HASH_DIGITS - 1][:room].rstrip("_")
    return "_".join(filter(None, (slug, words, digest[:_HASH_DIGITS])))


def mosaic_collection_id(dataset_collection_id: str, number: int) -> str:
    """The public name of the mosaic `number` of several of a dataset, at most 63 bytes.

    The first (1) goes by the dataset's own. No dataset and no layer has such a name: theirs end in eight
    digits of a hash.
    """
    return dataset_collection_id if number == 1 else f"{dataset_collection_id}_m{number}"


def table_name(collection: str, revision: int) -> str:
    """The table of a collection in one revision of its dataset, in the schema `geo`.

    At most 61 bytes, so that the names of its companions fit as well; of a longer name the readable part is
    cut.
    """
    suffix = f"_r{revision}"
    unique = collection[-_HASH_DIGITS - 1 :]
    room = _TABLE_BYTES - len(_GENERALISED) - len(suffix) - len(unique)
    return f"{collection[: -len(unique)][:room]}{unique}{suffix}"


def generalised_name(table: str) -> str:
    """The companion of a table, for tiles of low zooms."""
    return f"{table}{_GENERALISED}"


def overview_name(table: str) -> str:
    """The features of a table that are seen at low zooms."""
    return f"{table}{_OVERVIEW}"


def fingerprint(content: Mapping[str, Any]) -> str:
    """What was asked, without what only concerns the way of asking: 64 hex digits."""
    return _sha256(dict(content))


def _slug(text: str, *, most: int) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:most].rstrip("_")


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
