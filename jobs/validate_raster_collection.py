"""Can these files become a mosaic, or several? Each is validated for itself, then they are compared."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from core.errors import PermanentTaskError
from core.models.stage import BEST_EFFORT, Parallelism, Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster import MAX_CLASSES, NamedClass
from core.task_models.raster_collection import (
    MAX_GROUPS,
    MAX_MOSAICS,
    MAX_NAMED_FILES,
    MAX_REFUSED,
    CollectionFileReport,
    ListedFiles,
    OnMixed,
    RasterTraits,
    Refusal,
    ReportCollectionParameters,
    TraitGroup,
    ValidateCollectionFileParameters,
    ValidateRasterCollectionParameters,
)
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class ValidateRasterCollection(JobBaseMixin, JobBase):
    """The result is a `ValidateRasterCollectionResult`.

    The stage `validate` goes on whatever happens to a file: all that is wrong with a collection is said at
    once, and the report judges whether it is too much.
    """

    job_type = "validate_raster_collection"
    description = "Checks each raster of a collection, and whether they agree."
    stages = (
        Stage(number=1, name="list", task_type="list_raster_collection", activity="Listing the files"),
        Stage(
            number=2,
            name="validate",
            task_type="validate_collection_file",
            parallelism=Parallelism.FAN_OUT,
            failures=BEST_EFFORT,
            noun="file",
            activity="Validating the files",
        ),
        Stage(number=3, name="report", task_type="report_raster_collection", activity="Comparing the files"),
    )
    parameters_model = ValidateRasterCollectionParameters

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: ValidateRasterCollectionParameters, previous: StageResults
    ) -> Iterator[TaskDefinition]:
        """See `JobBase`."""
        if stage == 1:
            yield TaskDefinition(parameters)
        elif stage == 2:
            yield from _validations(previous.one(ListedFiles), parameters)
        else:
            yield TaskDefinition(_report(parameters, previous))


def _validations(
    listed: ListedFiles, parameters: ValidateRasterCollectionParameters
) -> Iterator[TaskDefinition]:
    for index, file in enumerate(listed.files):
        yield TaskDefinition(
            ValidateCollectionFileParameters(
                listing_uri=listed.listing_uri, index=index, file=file, reading=parameters.reading
            ),
            key=file.name,
        )


def _report(
    parameters: ValidateRasterCollectionParameters, previous: StageResults
) -> ReportCollectionParameters:
    tally = _Tally(may_split=parameters.on_mixed is OnMixed.SPLIT)
    for report in previous.each(CollectionFileReport):
        tally.add(report)
    for hole in previous.holes():
        tally.refuse(
            Refusal(name=hole.task_key, code=hole.code, message="The file could not be looked at to its end.")
        )
    if not tally.listing_uri:
        raise _nothing_looked_at(tally)
    return ReportCollectionParameters(
        listing_uri=tally.listing_uri,
        groups=tally.groups(),
        refused=tuple(tally.refused),
        refused_count=tally.refused_count,
        warning_counts=dict(sorted(tally.warnings.items())),
        classes=tally.names.classes,
        contested=tally.names.contested,
        collection=parameters,
    )


@dataclass(slots=True)
class _Names:
    """The values that files name, each by the first name; no more of them than a legend can hold."""

    first: dict[int, NamedClass] = field(default_factory=dict)
    differing: set[int] = field(default_factory=set)

    def add(self, classes: Iterable[NamedClass]) -> None:
        """Take in what the next file names."""
        for each in classes:
            known = self.first.get(each.value)
            if known is None and len(self.first) < MAX_CLASSES:
                self.first[each.value] = each
            elif known is not None and known.name != each.name:
                self.differing.add(each.value)

    @property
    def classes(self) -> tuple[NamedClass, ...]:
        """By value."""
        return tuple(self.first[value] for value in sorted(self.first))

    @property
    def contested(self) -> tuple[int, ...]:
        """The values that were named differently."""
        return tuple(sorted(self.differing))


@dataclass(slots=True)
class _Tally:
    """Sums up the reports on ten thousand files in the space of a few.

    Names of classes are also kept for each kind of files where these may become mosaics of their own, of as
    many kinds as there can be such mosaics: five hundred legends would be megabytes.
    """

    may_split: bool = False
    listing_uri: str = ""
    runs: dict[RasterTraits, list[tuple[int, int]]] = field(default_factory=dict)
    pixel_bytes: Counter[RasterTraits] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    names: _Names = field(default_factory=_Names)
    names_of: dict[RasterTraits, _Names] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    refused_count: int = 0

    def add(self, report: CollectionFileReport) -> None:
        """Take in the next report, in the order of the listing.

        Raises:
            PermanentTaskError: COLLECTION_TOO_MIXED.
        """
        self.listing_uri = report.listing_uri
        self.warnings.update(set(report.warning_codes))
        if report.refusal is not None:
            self.refuse(report.refusal)
        if report.traits is not None:
            self._extend(self.runs.setdefault(report.traits, []), report.index)
            self.pixel_bytes[report.traits] += report.pixel_bytes
            self.names.add(report.classes)
            if self.may_split and report.classes:
                self._name(report.traits, report.classes)
            if len(self.runs) > MAX_GROUPS:
                raise _too_mixed()

    def refuse(self, refusal: Refusal) -> None:
        """Count it, and keep the first of them."""
        self.refused_count += 1
        if len(self.refused) < MAX_REFUSED:
            self.refused.append(refusal)

    def groups(self) -> tuple[TraitGroup, ...]:
        """In the order of their first files."""
        unnamed = _Names()
        return tuple(
            TraitGroup(
                traits=traits,
                runs=tuple(runs),
                pixel_bytes=self.pixel_bytes[traits],
                classes=self.names_of.get(traits, unnamed).classes,
                contested=self.names_of.get(traits, unnamed).contested,
            )
            for traits, runs in self.runs.items()
        )

    def _name(self, traits: RasterTraits, classes: Iterable[NamedClass]) -> None:
        if traits in self.names_of or len(self.names_of) < MAX_MOSAICS:
            self.names_of.setdefault(traits, _Names()).add(classes)

    @staticmethod
    def _extend(runs: list[tuple[int, int]], index: int) -> None:
        if runs and sum(runs[-1]) == index:
            first, count = runs.pop()
            runs.append((first, count + 1))
        else:
            runs.append((index, 1))


def _too_mixed() -> PermanentTaskError:
    return PermanentTaskError(
        f"The files differ from each other in more than {MAX_GROUPS} ways.",
        code="COLLECTION_TOO_MIXED",
        remedy="Bring them to one grid, or submit those that belong together as collections of their own.",
        context={"limit": MAX_GROUPS},
    )


def _nothing_looked_at(tally: _Tally) -> PermanentTaskError:
    return PermanentTaskError(
        f"None of the {tally.refused_count} files could be looked at to its end: {tally.refused[0].code}.",
        code="COLLECTION_FILES_REFUSED",
        remedy="See the errors of the single tasks.",
        context={
            "refused_count": tally.refused_count,
            "refused": [{"file": each.name, "code": each.code} for each in tally.refused[:MAX_NAMED_FILES]],
        },
    )
