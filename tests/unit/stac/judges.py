"""Who judges STAC documents: pystac, stac-pydantic, the schemas of the core, and rules of the extensions.

The extensions' own schemas are published on the web, which tests do not reach. `STAC_SCHEMAS_DIR` may name a
directory of copies, by address (`stac-extensions.github.io/render/v2.0.0/schema.json`,
`schemas.stacspec.org/v1.0.0/...`); then every document is judged by those too.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pystac
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from pystac.validation.local_validator import get_local_schema_cache
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource
from referencing.jsonschema import DRAFT7
from stac_pydantic import Collection, Item

from tests.unit.stac.extension_rules import RULES

Document = Mapping[str, Any]
_BUNDLED = get_local_schema_cache()
_COPIES = os.environ.get("STAC_SCHEMAS_DIR")
_BUNDLED_VERSION = "1.1.0"


def assert_valid(document: Document) -> None:
    """By models of STAC that are not ours, and by schemas; and it is JSON, so no NaN."""
    plain = json.loads(json.dumps(document, allow_nan=False))
    if plain["type"] == "Collection":
        assert pystac.Collection.from_dict(plain, preserve_dict=True).id == plain["id"]
        Collection.model_validate(plain)
    else:
        assert pystac.Item.from_dict(plain, preserve_dict=True).id == plain["id"]
        Item.model_validate(plain)
    assert list(_complaints(plain)) == []


def _complaints(document: dict[str, Any]) -> Iterator[str]:
    kind = "collection" if document["type"] == "Collection" else "item"
    # pystac brings the schemas of the version after ours, which changes nothing that we use.
    newer = document | {"stac_version": _BUNDLED_VERSION}
    yield from _errors(
        f"https://schemas.stacspec.org/v{_BUNDLED_VERSION}/{kind}-spec/json-schema/{kind}.json", newer
    )
    for extension in document["stac_extensions"]:
        yield from (
            f"{extension}: {error.message}"
            for error in Draft7Validator(RULES[extension]).iter_errors(document)
        )
    if _COPIES:
        core = f"https://schemas.stacspec.org/v1.0.0/{kind}-spec/json-schema/{kind}.json"
        for address in (core, *document["stac_extensions"]):
            yield from _errors(address, document)


def _errors(address: str, document: Document) -> Iterator[str]:
    schema = _retrieve(address).contents
    registry = Registry(retrieve=_retrieve)  # type: ignore[call-arg]
    validator = Draft7Validator(schema, registry=registry)
    for error in validator.iter_errors(document):
        yield f"{address}: {error.message[:300]}: {[e.message[:200] for e in error.context or ()]}"


def _retrieve(address: str) -> Resource[Any]:
    if address.startswith("http://json-schema.org/draft-07/schema"):
        return Resource.from_contents(Draft7Validator.META_SCHEMA, default_specification=DRAFT7)
    if address in _BUNDLED:
        return Resource.from_contents(_BUNDLED[address], default_specification=DRAFT7)
    if "proj.org" in address:  # PROJJSON, which we do not write
        return Resource.from_contents({"not": {}}, default_specification=DRAFT7)
    path = Path(_COPIES or "/nowhere") / address.split("//", 1)[1]
    if not path.is_file():
        raise NoSuchResource(address)
    return Resource.from_contents(json.loads(path.read_text()), default_specification=DRAFT7)
