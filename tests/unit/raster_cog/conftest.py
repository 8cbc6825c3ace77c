"""A bench for `create_cog`: put a file, convert it, look at what came out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.errors import TaskError
from core.task_models.raster_cog import CogOptions, CreateCogParameters, ProcessRasterResult
from core.task_models.raster_validation import ReadingOptions
from services.raster.create_cog import create_cog
from tests.blobs import DirectoryBlobStore, Surroundings, surroundings


@dataclass
class CogBench:
    """The handler with a directory as storage."""

    root: Path
    storage: DirectoryBlobStore

    def path(self, name: str = "a.tif") -> Path:
        """Where a test makes a source."""
        return self.root / name

    def put(self, path: Path) -> str:
        """Upload; the URI."""
        return self.storage.put(f"azure://bronze/{path.name}", path.read_bytes()).uri

    def around(self, *, cancel_at: float | None = None) -> Surroundings:
        """A fresh workspace."""
        number = len(list(self.root.glob("work*")))
        return surroundings(self.root / f"work{number}", self.storage, cancel_at=cancel_at)

    def create(
        self, path: Path, *, reading: ReadingOptions | None = None, **options: Any
    ) -> tuple[ProcessRasterResult, Path]:
        """Convert; the result and the local file of the COG."""
        around = self.around()
        parameters = CreateCogParameters(
            source_uri=self.put(path),
            target_prefix=f"azure://silver/{around.context.workspace.name}",
            reading=reading or ReadingOptions(),
            options=CogOptions(**options),
        )
        result = create_cog(parameters, around.context)
        return result, Path(self.storage.gdal_path(result.blob_uri))

    def refusal(self, path: Path, **options: Any) -> str:
        """The code with which the conversion is refused; nothing is left in storage then."""
        with pytest.raises(TaskError) as caught:
            self.create(path, **options)
        assert not (self.root / "blobs" / "silver").exists()
        return caught.value.code


@pytest.fixture
def bench(tmp_path: Path) -> CogBench:
    return CogBench(tmp_path, DirectoryBlobStore(tmp_path / "blobs"))
