"""From what was learnt of a layer while it was read to the plans of its tables."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.errors import PermanentTaskError
from core.task_models.vector import IngestVectorParameters, TablePlan
from services.context import TaskContext
from services.vector import digest
from services.vector.cleaning.types import family_of, table_geometry_type
from services.vector.crs import Reprojection, reprojection
from services.vector.documents import keep
from services.vector.drafts import TableDraft, names_of_types
from services.vector.layer_rows import LayerRows
from services.vector.source import SourceLayer

_NPY = "application/octet-stream"


@dataclass(slots=True)
class LayerPlanner:
    """Plans the tables of all layers of a source, in their order."""

    parameters: IngestVectorParameters
    context: TaskContext
    tables: list[TablePlan] = field(default_factory=list)
    _places: int = 0

    def check_crs(self, crs: str | None) -> None:
        """Whether there is a way to the target CRS, before much is read.

        Raises:
            PermanentTaskError: CRS_MISSING, CRS_UNKNOWN.
        """
        reprojection(crs, self.parameters.target_crs)

    def plan(self, layer: SourceLayer, *, rows: LayerRows, drafts: list[TableDraft]) -> bool:
        """Plan the tables of a layer that has been read; False when it has no features.

        Raises:
            PermanentTaskError: CRS_MISSING, CRS_UNKNOWN, MIXED_GEOMETRY.
        """
        if not drafts:
            return False
        self._refuse_mixture(layer, drafts)
        for draft in drafts:
            table = self._table(layer, rows=rows, draft=draft)
            if draft is drafts[0]:  # what was said and counted while reading is said once for each layer
                table = table.model_copy(
                    update={
                        "measured": rows.stream.steps(),
                        "findings": (*rows.stream.findings(), *table.findings),
                    }
                )
            self.tables.append(table)
            self._places += sum(count for kind, count in draft.type_counts.items() if kind > 0)
        return True

    def check_places(self) -> None:
        """Features without any place are no geodata.

        Raises:
            PermanentTaskError: ALL_GEOMETRY_NULL.
        """
        if not self._places:
            raise PermanentTaskError(
                "No feature has a geometry.",
                code="ALL_GEOMETRY_NULL",
                remedy="Submit features with geometries, or a table without them elsewhere.",
                context={"features": sum(table.feature_count for table in self.tables)},
            )

    def _table(self, layer: SourceLayer, *, rows: LayerRows, draft: TableDraft) -> TablePlan:
        name = f"{self.context.attempt_name}_{len(self.tables)}"
        bbox = draft.bounds.box()
        way = reprojection(rows.stream.crs, self.parameters.target_crs, bbox=bbox)
        copies = draft.duplicates()
        return TablePlan(
            table=name,
            layer=layer.name,
            family=draft.family,
            **_ways_words(way),
            geometry_type=table_geometry_type(draft.types, options=self.parameters.cleaning),
            source_bbox=bbox,
            ids=rows.ids,
            columns=rows.columns,
            feature_count=draft.rows,
            null_geometry_count=draft.nulls,
            digest=digest.total(draft.digest),
            chunks=draft.chunks(),
            duplicates_uri=self._kept(copies, name) if copies.size else None,
            duplicate_count=int(copies.size),
            findings=way.findings,
        )

    def _kept(self, copies: np.ndarray, name: str) -> str:
        path = self.context.workspace / f"{name}.npy"
        np.save(path, copies)
        uri = f"{self.parameters.target_prefix.rstrip('/')}/{name}_duplicates.npy"
        keep(self.context, path, uri, content_type=_NPY)
        path.unlink()
        return uri

    def _refuse_mixture(self, layer: SourceLayer, drafts: list[TableDraft]) -> None:
        if self.parameters.cleaning.mixed_geometry != "error":
            return
        counts = sum((draft.type_counts for draft in drafts), Counter[int]())
        if len({family_of(kind) for kind in counts if kind > 0}) <= 1:
            return
        raise PermanentTaskError(
            f"The layer {layer.name!r} mixes points, lines, polygons or collections.",
            code="MIXED_GEOMETRY",
            remedy="Separate them, or set mixed_geometry to split or generic.",
            context={"layer": layer.name, "geometries": names_of_types(counts)},
        )


def duplicates_of(path: Path) -> np.ndarray:
    """The rows that `TablePlan.duplicates_uri` holds."""
    rows: np.ndarray = np.load(path, allow_pickle=False)
    return rows


def _ways_words(way: Reprojection) -> dict[str, object]:
    return {
        "source_crs": way.source_crs,
        "source_crs_wkt": way.source_crs_wkt,
        "target_crs": way.target_crs,
        "operation": way.operation,
        "accuracy": way.accuracy,
    }
