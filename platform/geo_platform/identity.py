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
    """The public name of a dataset: an OGC collection id, a table name (at most 59 bytes), a STAC item id.

    The identifiers make it readable, the first digits of the key make it unique: names of which
    PostgreSQL would keep the same 63 bytes stay different.
    """
    words = re.sub(r"[^a-z0-9]+", "_", "_".join(identifiers.values()).lower()).strip("_")
    slug = words[:_SLUG_BYTES].rstrip("_")
    return f"{'d_' if slug[:1].isdigit() else ''}{slug}_{key[:8]}"


def fingerprint(content: Mapping[str, Any]) -> str:
    """What was asked, without what only concerns the way of asking: 64 hex digits."""
    return _sha256(dict(content))


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
