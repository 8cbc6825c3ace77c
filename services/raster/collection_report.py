"""The last task of `validate_raster_collection`: the files are judged together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.errors import PermanentTaskError
from core.schema.queue import QueueRole
from core.task_models.finding import Finding
from core.task_models.raster import NamedClass, RasterClass
from core.task_models.raster_collection import (
    MAX_NAMED_FILES,
    CollectionFile,
    CollectionListing,
    CollectionMosaic,
    OnMixed,
    RasterGroup,
    ReportCollectionParameters,
    TraitGroup,
    ValidateRasterCollectionResult,
)
from services.context import TaskContext
from services.raster.documents import read_document
from services.raster.findings import info, warning, warnings_of
from services.raster.homogeneity import compare, prevailing_class
from services.raster.json_lines import write_lines
from services.raster.split import classes_of, split
from services.registry import register_task

_FEW = 3


@dataclass(frozen=True, slots=True)
class _Mosaic:
    """Files that become one mosaic; `classes` are the values that they name, `contested` differently."""

    groups: Sequence[TraitGroup]
    classes: tuple[NamedClass, ...]
    contested: tuple[int, ...]

    @property
    def lines(self) -> list[int]:
        """Those of its files in the listing, which is by path."""
        return sorted(line for group in self.groups for line in _lines(group))

    @property
    def described(self) -> CollectionMosaic:
        """As the result has it."""
        classification = prevailing_class(self.groups)
        is_categorical = classification is RasterClass.CATEGORICAL
        return CollectionMosaic(
            file_count=sum(group.file_count for group in self.groups),
            classification=classification,
            classes=self.classes if is_categorical else (),
        )


@register_task("report_raster_collection", queue=QueueRole.RASTER_TASKS)
def report_raster_collection(
    parameters: ReportCollectionParameters, context: TaskContext
) -> ValidateRasterCollectionResult:
    """Judge the files together, and leave the list of those that are taken, with their groups.

    Raises:
        PermanentTaskError: COLLECTION_FILES_REFUSED: more of them than may be; and what `compare` and `split`
            say.
    """
    asked = parameters.collection
    listed = read_document(context.storage, parameters.listing_uri, CollectionListing)
    files = listed.files
    _require_enough(parameters, file_count=len(files))
    mosaics = list(_mosaics(parameters))
    compared = [finding for mosaic in mosaics for finding in _findings(mosaic, parameters, files)]
    context.checkpoint(0.5)
    groups = _described(parameters.groups, mosaics, files)
    taken = list(_taken(mosaics, groups, files))
    uri = f"{asked.target_prefix.rstrip('/')}/files/{context.attempt_name}.jsonl"
    write_lines(context, uri, taken, temporary=True)
    described = tuple(mosaic.described for mosaic in mosaics)
    findings = (
        *listed.findings,
        *_of_split(mosaics, files),
        *compared,
        *_counted(parameters.warning_counts, parameters.refused_count),
    )
    return ValidateRasterCollectionResult(
        files_uri=uri,
        file_count=len(taken),
        total_bytes=sum(file.size_bytes for file in taken),
        pixel_bytes=sum(group.pixel_bytes for group in parameters.groups),
        classification=described[0].classification,
        classes=described[0].classes,
        groups=groups,
        mosaics=described if len(described) > 1 else (),
        refused=parameters.refused,
        refused_count=parameters.refused_count,
        findings=findings,
        warnings=warnings_of(findings),
    )


def _require_enough(parameters: ReportCollectionParameters, *, file_count: int) -> None:
    allowed = parameters.collection.max_failed_fraction * file_count
    if parameters.groups and parameters.refused_count <= allowed:
        return
    first = parameters.refused[0] if parameters.refused else None
    raise PermanentTaskError(
        f"{parameters.refused_count} of {file_count} files cannot be published"
        + (f"; {first.name}: {first.message}" if first else "."),
        code="COLLECTION_FILES_REFUSED",
        remedy="Repair the files named, leave them out, or allow for them by max_failed_fraction.",
        context={
            "refused_count": parameters.refused_count,
            "file_count": file_count,
            "refused": [
                {"file": each.name, "code": each.code, "message": each.message}
                for each in parameters.refused[:MAX_NAMED_FILES]
            ],
        },
    )


def _mosaics(parameters: ReportCollectionParameters) -> Iterator[_Mosaic]:
    asked = parameters.collection
    parts = split(parameters.groups, asked.options) if asked.on_mixed is OnMixed.SPLIT else ()
    if len(parts) > 1:
        yield from (_Mosaic(groups, *classes_of(groups)) for groups in parts)
    else:
        yield _Mosaic(parameters.groups, parameters.classes, parameters.contested)


def _findings(
    mosaic: _Mosaic, parameters: ReportCollectionParameters, files: Sequence[CollectionFile]
) -> Iterator[Finding]:
    asked = parameters.collection
    yield from compare(
        mosaic.groups,
        on_mixed=asked.on_mixed,
        options=asked.options,
        names=lambda line: files[line].name,
    )
    if mosaic.described.classes:
        yield from _contested(mosaic.contested)


def _taken(
    mosaics: Sequence[_Mosaic], groups: Sequence[RasterGroup], files: Sequence[CollectionFile]
) -> Iterator[CollectionFile]:
    """Mosaic by mosaic, in the order of the listing."""
    numbers = {group.traits: group.number for group in groups}
    for mosaic in mosaics:
        group_of = {line: numbers[group.traits] for group in mosaic.groups for line in _lines(group)}
        for line in mosaic.lines:
            yield files[line].model_copy(update={"group": group_of[line]})


def _described(
    groups: Sequence[TraitGroup], mosaics: Sequence[_Mosaic], files: Sequence[CollectionFile]
) -> tuple[RasterGroup, ...]:
    mosaic_of = {group.traits: number for number, each in enumerate(mosaics) for group in each.groups}
    ordered = sorted(groups, key=lambda group: -group.file_count)
    return tuple(
        RasterGroup(
            number=number,
            mosaic=mosaic_of[group.traits],
            traits=group.traits,
            file_count=group.file_count,
            pixel_bytes=group.pixel_bytes,
            names=_names(_lines(group), files),
        )
        for number, group in enumerate(ordered)
    )


def _of_split(mosaics: Sequence[_Mosaic], files: Sequence[CollectionFile]) -> Iterator[Finding]:
    if len(mosaics) > 1:
        yield info(
            "COLLECTION_SPLIT",
            f"The files differ, and make up {len(mosaics)} mosaics.",
            mosaics=[
                {"file_count": len(mosaic.lines), "files": _names(mosaic.lines, files)[:_FEW]}
                for mosaic in mosaics
            ],
        )


def _counted(warning_counts: dict[str, int], refused_count: int) -> Iterator[Finding]:
    """What was said of single files, in one line for each kind."""
    for code, count in warning_counts.items():
        yield warning(
            code,
            f"{count} files have the warning {code}.",
            remedy="Validate one of them by itself to read it.",
            file_count=count,
        )
    if refused_count:
        yield warning(
            "COLLECTION_FILES_LEFT_OUT",
            f"{refused_count} files cannot be published and are left out.",
            remedy="See `refused` for the reasons.",
            file_count=refused_count,
        )


def _contested(values: Sequence[int]) -> Iterator[Finding]:
    if values:
        yield warning(
            "COLLECTION_MIXED_CLASS_NAMES",
            f"The files do not agree on the names of {len(values)} classes; the first file's are used.",
            remedy="Give class_names that hold for all files.",
            values=list(values[:MAX_NAMED_FILES]),
        )


def _names(lines: Sequence[int], files: Sequence[CollectionFile]) -> tuple[str, ...]:
    return tuple(files[line].name for line in lines[:MAX_NAMED_FILES])


def _lines(group: TraitGroup) -> list[int]:
    return [line for first, count in group.runs for line in range(first, first + count)]
