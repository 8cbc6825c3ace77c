"""Jobs on rasters that run from the first stage to the last in this process, for tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from core.errors import TaskError
from core.models.job import Hole
from core.models.stage import Stage, StoredResult
from core.ports import BlobStore
from core.registry import Handler, models_of
from core.stage_results import StageResults
from core.task_models.raster_cog import CogOptions, CreateCogParameters, ProcessRasterResult
from core.task_models.raster_mosaic import MosaicPart, MosaicResult
from jobs.base import JobBase
from jobs.process_large_raster import ProcessLargeRaster
from services.raster.create_cog import create_cog
from services.raster.extract import extract_tile
from services.raster.json_lines import read_lines
from services.raster.mosaic_tasks import create_mosaic, create_mosaic_json
from services.raster.tile_cog import create_tile_cog
from services.raster.tiling import tiling_scheme
from tests.blobs import Surroundings, surroundings

HANDLERS: dict[str, Handler] = {
    "tiling_scheme": tiling_scheme,
    "extract_tile": extract_tile,
    "create_tile_cog": create_tile_cog,
    "create_mosaic": create_mosaic,
    "create_mosaic_json": create_mosaic_json,
}
PREFIX = "azure://silver/rasters/d_1/r1"
Sabotage = Callable[[str, str], None]


@dataclass
class Workshop:
    """Handlers and job types on a storage; `upload` puts a source there and gives its URI."""

    root: Path
    storage: BlobStore
    upload: Callable[[Path], str]
    prefix: str = PREFIX
    ran: list[str] = field(default_factory=list)
    announced: list[tuple[str, bool]] = field(default_factory=list)
    temporary: list[str] = field(default_factory=list)
    result_bytes: dict[str, list[int]] = field(default_factory=dict)
    _works: int = 0
    _jobs: int = 0

    def file(self, uri: str) -> Path:
        """A copy of a blob."""
        copy = self.root / "fetched" / uri.removeprefix("azure://")
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            self.storage.download(uri, copy)
        return copy

    def parts(self, result: MosaicResult) -> list[MosaicPart]:
        """The list of parts that a result names."""
        return list(read_lines(self.storage, result.parts_uri, MosaicPart))

    def around(self, task_id: str = "") -> Surroundings:
        """A fresh workspace, for a task with an id of its own."""
        self._works += 1
        made = surroundings(self.root / f"work{self._works}", self.storage)
        object.__setattr__(made.context, "task_id", task_id or f"00000000-s9-{self._works:04d}")
        return made

    def single(self, source: Path | str, **options: Any) -> tuple[ProcessRasterResult, Path]:
        """The raster, a file or a URI, as one COG."""
        parameters = CreateCogParameters(
            source_uri=self._uri(source), target_prefix=self.prefix, options=CogOptions(**options)
        )
        result = create_cog(parameters, self.around().context)
        return result, self.file(result.blob_uri)

    def large(
        self, source: Path | str, *, sabotage: Sabotage = lambda *_: None, **parameters: Any
    ) -> MosaicResult:
        """The raster through the four stages; `sabotage` may raise at a task (its type and its key)."""
        self._jobs += 1
        prefix = f"{self.prefix}/{self._jobs}"
        job = {"source_uri": self._uri(source), "target_prefix": prefix, **parameters}
        return MosaicResult.model_validate(self.run(ProcessLargeRaster, job, sabotage=sabotage))

    def _uri(self, source: Path | str) -> str:
        return self.upload(source) if isinstance(source, Path) else source

    def run(
        self, job: type[JobBase], parameters: Mapping[str, Any], *, sabotage: Sabotage = lambda *_: None
    ) -> dict[str, Any]:
        """All stages of a job, with JSON between them as in the database."""
        valid = job.validate_job_parameters(parameters)
        results, holes = StageResults.none(), list[Hole]()
        for stage in job.stages:
            stored = self._stage(job, stage, valid, results.after(holes), sabotage=sabotage)
            results = StageResults.of(stage.number, stored)
            holes += [one.hole for one in stored if one.hole is not None]
        return job.finalize_job(valid, results)

    def _stage(
        self, job: type[JobBase], stage: Stage, valid: Any, previous: StageResults, *, sabotage: Sabotage
    ) -> list[StoredResult]:
        stored, errors = list[StoredResult](), list[TaskError]()
        tasks = list(job.create_tasks_for_stage(stage.number, valid, previous))
        for index, task in enumerate(tasks):
            task_id = f"00000000-{stage.number}-{index}"
            try:
                sabotage(stage.task_type, task.key)
                result = self._task(stage.task_type, task.parameters, task_id)
                stored.append(StoredResult(task_id=task_id, task_index=index, result=result))
            except TaskError as exc:
                errors.append(exc)
                hole = Hole(stage=stage.number, task_index=index, task_key=task.key, code=exc.code)
                stored.append(StoredResult(task_id=task_id, task_index=index, hole=hole))
        allowed = (job.failure_policy(stage.number, valid) or stage.failures).allowed_of(len(tasks))
        if allowed is not None and len(errors) > allowed:
            raise errors[0]
        return stored

    def _task(self, task_type: str, parameters: BaseModel, task_id: str) -> dict[str, Any]:
        self.ran.append(task_type)
        handler, around = HANDLERS[task_type], self.around(task_id)
        parameters_model, _ = models_of(handler)
        crossed = parameters_model.model_validate_json(parameters.model_dump_json())
        result = handler(crossed, around.context)
        self.announced += around.artefacts.announced
        self.temporary += around.artefacts.temporary
        self.result_bytes.setdefault(task_type, []).append(len(result.model_dump_json()))
        return result.model_dump(mode="json")
