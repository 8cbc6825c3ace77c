"""Arrow columns of foreign files brought to the few types that tables know; no value changes by it.

Dictionaries are spelled out, views and fixed sizes become plain binaries and texts, half floats become
floats, and what is nested deeper than a list of plain values becomes JSON.
"""

import pyarrow as pa

from services.vector.json_values import json_text


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type that a column of the type `kind` is brought to."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind if isinstance(kind, pa.JsonType) else plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if _is_json(kind):
        return pa.json_(pa.string())
    same = (
        (pa.types.is_float16, pa.float32()),
        (pa.types.is_date64, pa.date32()),
        (pa.types.is_null, pa.string()),
        (pa.types.is_string_view, pa.string()),
        (pa.types.is_binary_view, pa.binary()),
        (pa.types.is_fixed_size_binary, pa.binary()),
    )
    return next((plain for is_kind, plain in same if is_kind(kind)), kind)


def plain_array(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values of a column in the type that `plain_type` gave for it."""
    if array.type.equals(kind):
        return array
    if isinstance(array, pa.ExtensionArray):
        return plain_array(array.storage, kind)
    if pa.types.is_dictionary(array.type):
        return plain_array(array.dictionary_decode(), kind)
    if isinstance(kind, pa.JsonType):
        texts = [None if value is None else json_text(value) for value in array.to_pylist()]
        return pa.ExtensionArray.from_storage(kind, pa.array(texts, pa.string()))
    return array.cast(kind)


def _is_json(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        return True
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        item = kind.value_type
        is_plain = pa.types.is_primitive(item) or pa.types.is_string(item) or pa.types.is_large_string(item)
        return pa.types.is_fixed_size_list(kind) or pa.types.is_temporal(item) or not is_plain
    return False
