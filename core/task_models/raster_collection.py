"""Parameters and results of `validate_raster_collection` and `process_raster_collection`.

A collection may have ten thousand files: what is said of each of them lies in blobs (`listing_uri` is a
`CollectionListing`; `files_uri` and `parts_uri` are lines of JSON), and what lies in rows is bounded.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.task_models.finding import Finding
from core.task_models.raster import MAX_CLASSES, NamedClass, Nodata, RasterClass, TaskModel
from core.task_models.raster_cog import CogOptions, CreateCogParameters
from core.task_models.raster_mosaic import MissingPart
from core.task_models.raster_validation import ReadingOptions

MAX_COLLECTION_FILES = 10_000
MAX_NAMED_FILES = 20
"""How many files an error or a group names; the rest is counted."""
MAX_REFUSED = 100
MAX_GROUPS = 500
MAX_MOSAICS = 16
"""How many mosaics one dataset may be split into; so many kinds of files in a folder are a mistake."""

BlobText = Annotated[str, Field(min_length=3, max_length=1100)]
PartName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CollectionSources(_Part):
    """Which blobs make up a collection: exactly one of the three.

    Attributes:
        prefix: a folder, `azure://bronze/scenes/2024`, with all that lies below it.
        pattern: `azure://bronze/scenes/*_B04.tif`: `*` and `?` within a folder, `**` across folders.
        paths: the blobs by name. Each must be there, and each must be a raster.
    """

    prefix: BlobText | None = None
    pattern: BlobText | None = None
    paths: Annotated[tuple[BlobText, ...], Field(min_length=1, max_length=MAX_COLLECTION_FILES)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(given is not None for given in (self.prefix, self.pattern, self.paths)) != 1:
            raise ValueError("give exactly one of prefix, pattern and paths")
        return self


class OnMixed(StrEnum):
    """What becomes of files that differ.

    `error` refuses the collection. `groups` makes one mosaic of files that differ in CRS or resolution, whose
    parts keep their grids: tiles read each part by itself. Bands and types must agree in either case, as one
    tile has one shape. `split` makes a mosaic of each kind of files: of those that agree in all of these.
    """

    ERROR = "error"
    GROUPS = "groups"
    SPLIT = "split"


class ValidateRasterCollectionParameters(TaskModel):
    """The collection to look at.

    Attributes:
        target_prefix: where the lists of files go, which are temporary.
        options: those of `process_raster_collection`: with `target_crs`, CRSs need not agree, with
            `target_resolution` neither need resolutions.
        max_failed_fraction: how many of the files may be refused.
    """

    sources: CollectionSources
    target_prefix: str
    reading: ReadingOptions = ReadingOptions()
    options: CogOptions = CogOptions()
    on_mixed: OnMixed = OnMixed.ERROR
    max_files: int = Field(default=MAX_COLLECTION_FILES, ge=1, le=MAX_COLLECTION_FILES)
    max_failed_fraction: float = Field(default=0, ge=0, le=1)


class CollectionFile(_Part):
    """A file of a collection, held to the version that was listed.

    Attributes:
        name: of the part that is made from it: unique in the collection.
        group: the number of its `RasterGroup`, once it is known.
    """

    name: PartName
    uri: str
    etag: str
    size_bytes: int
    group: int = 0


class CollectionListing(TaskModel):
    """All files of a collection by path, and what is to be said of the blobs beside them."""

    files: tuple[CollectionFile, ...]
    findings: tuple[Finding, ...] = ()


class ListedFiles(TaskModel):
    """The files that the next stage is about; the blob `listing_uri` has the list for later stages."""

    listing_uri: str
    files: tuple[CollectionFile, ...]


class ValidateCollectionFileParameters(TaskModel):
    """One file of a listing; `index` is its line there, from 0."""

    listing_uri: str
    index: int = Field(ge=0)
    file: CollectionFile
    reading: ReadingOptions = ReadingOptions()


class RasterTraits(_Part):
    """In what the files of a collection should agree.

    Attributes:
        dtypes: one for each band.
        resolution: of the grid's own axes in units of `crs`, rounded to 5 significant digits: a tenth of
            a pixel over ten thousand of them.
        alpha: whether there is an alpha band.
    """

    band_count: int
    dtypes: tuple[str, ...]
    crs: str
    resolution: tuple[float, float]
    nodata: Nodata = None
    alpha: bool = False
    classification: RasterClass


class Refusal(_Part):
    """Why a file is none that can be published."""

    name: str
    uri: str = ""
    code: str
    message: str
    remedy: str = ""


class CollectionFileReport(TaskModel):
    """The report on one file: either its traits and the values that have names, or why it is refused."""

    listing_uri: str
    index: int
    traits: RasterTraits | None = None
    classes: tuple[NamedClass, ...] = ()
    pixel_bytes: int = 0
    warning_codes: tuple[str, ...] = ()
    refusal: Refusal | None = None


class TraitGroup(_Part):
    """The files of the same traits, by their lines in the listing: runs of (first, count), ascending.

    Attributes:
        classes, contested: as in `ReportCollectionParameters`, of these files alone; only where a collection
            may be split.
    """

    traits: RasterTraits
    runs: tuple[tuple[int, int], ...]
    pixel_bytes: int
    classes: tuple[NamedClass, ...] = Field(default=(), max_length=MAX_CLASSES)
    contested: tuple[int, ...] = ()

    @property
    def file_count(self) -> int:
        """How many files."""
        return sum(count for _, count in self.runs)


class ReportCollectionParameters(TaskModel):
    """All reports on the files, summed up.

    Attributes:
        groups: at most `MAX_GROUPS`, in the order of their first files.
        refused: at most `MAX_REFUSED`; `refused_count` says how many there are.
        warning_counts: of how many files a warning was given, by its code.
        classes: the values that files name; of one that they name differently, the first name.
        contested: the values that files name differently.
    """

    listing_uri: str
    groups: tuple[TraitGroup, ...] = Field(max_length=MAX_GROUPS)
    refused: tuple[Refusal, ...] = Field(default=(), max_length=MAX_REFUSED)
    refused_count: int = 0
    warning_counts: dict[str, int] = Field(default_factory=dict)
    classes: tuple[NamedClass, ...] = Field(default=(), max_length=MAX_CLASSES)
    contested: tuple[int, ...] = ()
    collection: ValidateRasterCollectionParameters


class RasterGroup(_Part):
    """Files that agree; number 0 is the group with the most. `names` are the first of them.

    `mosaic` is the number of the `CollectionMosaic` that they become parts of.
    """

    number: int
    mosaic: int = 0
    traits: RasterTraits
    file_count: int
    pixel_bytes: int
    names: tuple[str, ...]


class CollectionMosaic(_Part):
    """So many files of a collection that become one mosaic, and what they are taken as."""

    file_count: int = Field(gt=0)
    classification: RasterClass
    classes: tuple[NamedClass, ...] = ()


class ValidateRasterCollectionResult(TaskModel):
    """The report on a collection that can be published.

    Attributes:
        files_uri: a temporary blob of lines of JSON, one `CollectionFile` each, without the refused ones:
            mosaic by mosaic, and by path within each.
        classification: of the most files of the first mosaic.
        classes: the values that have names; only of a categorical mosaic.
        mosaics: what the files are split into, the largest first; empty where one is made of all.
        refused: at most 100 of them, `refused_count` says how many there are.
    """

    files_uri: str
    file_count: int = Field(gt=0)
    total_bytes: int
    pixel_bytes: int
    classification: RasterClass
    classes: tuple[NamedClass, ...] = ()
    groups: tuple[RasterGroup, ...]
    mosaics: tuple[CollectionMosaic, ...] = Field(default=(), max_length=MAX_MOSAICS)
    refused: tuple[Refusal, ...] = ()
    refused_count: int = 0
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()


class ProcessRasterCollectionParameters(TaskModel):
    """The files of a `ValidateRasterCollectionResult`, which become COGs below `target_prefix`.

    Attributes:
        classification: what all the files are taken as; None looks at each by itself.
        mosaics: as in that result; each has so many of the files, in their order, and its own classification.
        max_failed_fraction: how many of the files may fail; the mosaic has holes then.
    """

    files_uri: str
    target_prefix: str
    classification: RasterClass | None = None
    mosaics: tuple[CollectionMosaic, ...] = Field(default=(), max_length=MAX_MOSAICS)
    reading: ReadingOptions = ReadingOptions()
    options: CogOptions = CogOptions()
    max_failed_fraction: float = Field(default=0, ge=0, le=1)


class ReadCollectionParameters(TaskModel):
    """The list of files to read."""

    files_uri: str


class CollectionCogParameters(TaskModel):
    """One file of a collection that is to become a COG, by way of `create_cog`."""

    name: PartName
    cog: CreateCogParameters


class CollectionCog(TaskModel):
    """What was made: the part lies as a `MosaicPart` in the temporary blob `part_uri`."""

    name: PartName
    part_uri: str


class GatherPartsParameters(TaskModel):
    """The parts of a mosaic that were made, and the files that failed.

    Attributes:
        mosaic: its number.
        part_names: the last segments of the `part_uri`s, in the order of the files.
        others: the other mosaics of the collection.
    """

    target_prefix: str
    mosaic: int = 0
    part_names: tuple[str, ...]
    missing: tuple[MissingPart, ...] = Field(default=(), max_length=MAX_REFUSED)
    missing_count: int = 0
    others: "tuple[GatherPartsParameters, ...]" = ()


class ProcessRasterCollectionResult(TaskModel):
    """The COGs of a mosaic of a collection, ready for `create_mosaic_json`.

    Attributes:
        mosaic: its number among those that the files were split into.
        parts_uri: a blob of lines of JSON, one `MosaicPart` each, in the order of the files.
        missing: at most 100 of the files that failed.
        others: the other mosaics of the collection.
    """

    mosaic: int = 0
    parts_uri: str
    part_count: int = Field(gt=0)
    missing_count: int = Field(default=0, ge=0)
    missing: tuple[MissingPart, ...] = ()
    total_bytes: int
    others: "tuple[ProcessRasterCollectionResult, ...]" = ()
