"""What the columns of a layer are called that GDAL opens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.task_models.finding import Finding
from services.vector.distinct_names import distinct, renaming_findings
from services.vector.source import SourceLayer

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class OgrNames:
    """What the columns of a layer are called: each by a name of its own.

    The first attribute of a name keeps it; others of that name, ids and geometries give way. `given` are the
    names of the attributes for GDAL.
    """

    given: tuple[str, ...]
    fid: str | None
    attributes: tuple[str, ...]
    geometry: str
    findings: tuple[Finding, ...]

    def schema(self, schema: "pa.Schema") -> "pa.Schema":
        """The columns of a schema of GDAL, in their order, under these names."""
        import pyarrow as pa

        names = [*([] if self.fid is None else [self.fid]), *self.attributes, self.geometry]
        return pa.schema(
            [
                pa.field(name, field.type, metadata=field.metadata)
                for name, field in zip(names, schema, strict=False)
            ]
        )


def names_of(meta: Mapping[str, Any], layer: SourceLayer) -> OgrNames:
    """The names of a layer, decoded where they are the bytes of the file.

    Raises:
        UnicodeDecodeError: they are no text in the encoding of the layer.
    """
    given = attributes = tuple(str(name) for name in meta["fields"])
    if layer.encoding is not None:
        # pyogrio takes bytes of no known encoding as ISO 8859-1, which loses none of them.
        attributes = tuple(name.encode("iso8859-1").decode(layer.encoding) for name in attributes)
    geometry, fid = meta["geometry_name"] or "wkb_geometry", meta["fid_column"]
    *own, geometry, fid = distinct((*attributes, geometry, fid))
    findings = renaming_findings(attributes, tuple(own))
    return OgrNames(given, fid if layer.has_ids else None, tuple(own), geometry, findings)


def renamed(batches: "Iterator[pa.RecordBatch]", names: Sequence[str]) -> "Iterator[pa.RecordBatch]":
    """The batches under these names. Where their own are no UTF-8, no column can be had."""
    import pyarrow as pa

    for batch in batches:
        yield pa.RecordBatch.from_arrays(batch.to_struct_array().flatten(), names=names)
