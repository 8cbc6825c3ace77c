"""Describing published tables of features in STAC."""

from typing import Self

from pydantic import model_validator

from core.task_models.stac import StacParameters, VectorHrefs
from core.task_models.vector import VectorModel
from core.task_models.vector_export import ExportedFile
from core.task_models.vector_tables import IngestVectorResult


class LayerHrefs(VectorModel):
    """Where one table is served: its collection id, and the URLs of it."""

    collection_id: str
    hrefs: VectorHrefs


class StacVectorParameters(StacParameters):
    """Parameters of `create_vector_stac`: the tables as `process_vector_finish` left them.

    `layers` stand in the order of `summary.tables`; `exports` are the files that were made beforehand.
    """

    summary: IngestVectorResult
    layers: tuple[LayerHrefs, ...]
    exports: tuple[ExportedFile, ...] = ()
    report: str | None = None
    rejects: str | None = None

    @model_validator(mode="after")
    def _every_table_is_served(self) -> Self:
        if len(self.layers) != len(self.summary.tables):
            raise ValueError("layers must be as many as summary.tables")
        return self
