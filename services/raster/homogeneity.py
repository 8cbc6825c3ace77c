"""Do the files of a collection agree, so that one mosaic can be made of them? Pure.

Every tile of a mosaic has one shape: bands and types must agree. CRS and resolution need not, as each part
is read by itself; but files that differ there are more often a mistake than a wish, so that it takes a word
of the client (`on_mixed`) or a target grid (`target_crs`, `target_resolution`) to let them pass. Where the
client wants a mosaic of each kind of files (`services.raster.split`), what is compared here are those of one.
"""

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.raster import RasterClass
from core.task_models.raster_cog import CogOptions
from core.task_models.raster_collection import MAX_NAMED_FILES, OnMixed, RasterTraits, TraitGroup
from services.raster.findings import info, warning

_RESOLUTION_TOLERANCE = 1e-4
"""Relative; a pixel over ten thousand."""
_BANDS, _TYPES, _CRSS, _RESOLUTIONS = "bands", "types", "CRSs", "resolutions"
_MISMATCH_CODES = {
    _BANDS: "COLLECTION_BAND_MISMATCH",
    _TYPES: "COLLECTION_DTYPE_MISMATCH",
    _CRSS: "COLLECTION_CRS_MISMATCH",
    _RESOLUTIONS: "COLLECTION_RESOLUTION_MISMATCH",
}
_FINDINGS = {_CRSS: "COLLECTION_MIXED_CRS", _RESOLUTIONS: "COLLECTION_MIXED_RESOLUTION"}
_REMEDIES = {
    _BANDS: "Use on_mixed=split to make a mosaic of each kind, or submit each as a collection of its own.",
    _TYPES: "Convert the files to one type, or use on_mixed=split to make a mosaic of each type.",
    _CRSS: "Give target_crs, or on_mixed=groups to keep each file in its CRS, or split for a mosaic of each.",
    _RESOLUTIONS: "Give target_resolution, or on_mixed=groups to keep each grid, split for several mosaics.",
}

Names = Callable[[int], str]


def bands(traits: RasterTraits) -> tuple[int, bool]:
    """How many, and whether one of them is an alpha band."""
    return traits.band_count, traits.alpha


_ASPECTS: Mapping[str, Callable[[RasterTraits], Any]] = MappingProxyType(
    {
        _BANDS: bands,
        _TYPES: lambda traits: traits.dtypes,
        _CRSS: lambda traits: traits.crs,
        _RESOLUTIONS: lambda traits: traits.resolution,
        "nodata values": lambda traits: traits.nodata,
        "classes": lambda traits: traits.classification.value,
    }
)


@dataclass(frozen=True, slots=True)
class _Difference:
    """The groups that differ in one aspect from what is expected, which most files have."""

    aspect: str
    expected: Any
    groups: tuple[TraitGroup, ...]

    def context(self, names: Names) -> dict[str, Any]:
        """The files concerned, at most twenty, and what they have."""
        lines = sorted(line for group in self.groups for line in _lines(group))
        value = _ASPECTS[self.aspect]
        return {
            "expected": self.expected,
            "found": [value(group.traits) for group in self.groups[:MAX_NAMED_FILES]],
            "file_count": len(lines),
            "files": [names(line) for line in lines[:MAX_NAMED_FILES]],
        }


def compare(
    groups: Sequence[TraitGroup], *, on_mixed: OnMixed, options: CogOptions, names: Names
) -> tuple[Finding, ...]:
    """What differs and may; the largest group is the measure.

    Args:
        names: the name of the file at a line of the listing.

    Raises:
        PermanentTaskError: COLLECTION_BAND_MISMATCH, COLLECTION_DTYPE_MISMATCH, COLLECTION_CRS_MISMATCH,
            COLLECTION_RESOLUTION_MISMATCH, with the files that differ.
    """
    measure = largest(groups).traits
    for aspect in (_BANDS, _TYPES):
        if difference := _difference(aspect, groups, measure):
            raise _mismatch(difference, names)
    findings = list[Finding]()
    for difference in _of_the_grid(groups, measure, options):
        if on_mixed is OnMixed.ERROR:
            raise _mismatch(difference, names)
        findings.append(_mixed(difference, names))
    return (*findings, *_remarks(groups, measure, names))


def largest(groups: Sequence[TraitGroup]) -> TraitGroup:
    """The group with the most files; the first of those with as many."""
    return max(groups, key=lambda group: group.file_count)


def prevailing_class(groups: Sequence[TraitGroup]) -> RasterClass:
    """What most files are. A tile of sea in an elevation model looks like classes, and is outvoted."""
    votes = Counter[RasterClass]()
    for group in groups:
        votes[group.traits.classification] += group.file_count
    return votes.most_common(1)[0][0]


def _of_the_grid(
    groups: Sequence[TraitGroup], measure: RasterTraits, options: CogOptions
) -> Iterator[_Difference]:
    """Metres and degrees are not compared: resolutions count within the CRS of the most files."""
    same_crs = [group for group in groups if group.traits.crs == measure.crs]
    compared = (
        (_CRSS, groups if options.target_crs is None else ()),
        (_RESOLUTIONS, same_crs if options.target_resolution is None else ()),
    )
    for aspect, some in compared:
        if difference := _difference(aspect, some, measure):
            yield difference


def _difference(aspect: str, groups: Sequence[TraitGroup], measure: RasterTraits) -> _Difference | None:
    value = _ASPECTS[aspect]
    expected = value(measure)
    same = same_resolution if aspect == _RESOLUTIONS else operator.eq
    others = tuple(group for group in groups if not same(value(group.traits), expected))
    return _Difference(aspect, expected, others) if others else None


def same_resolution(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """But for a pixel over ten thousand, or the rounding."""
    return all(
        abs(mine - theirs) <= _RESOLUTION_TOLERANCE * theirs for mine, theirs in zip(one, other, strict=True)
    )


def _mismatch(difference: _Difference, names: Names) -> PermanentTaskError:
    context = difference.context(names)
    count, few = context["file_count"], ", ".join(context["files"][:3])
    return PermanentTaskError(
        f"{count} files have other {difference.aspect} than most: {few}{', ...' if count > 3 else ''}.",
        code=_MISMATCH_CODES[difference.aspect],
        remedy=_REMEDIES[difference.aspect],
        context=context,
    )


def _mixed(difference: _Difference, names: Names) -> Finding:
    context = difference.context(names)
    return warning(
        _FINDINGS[difference.aspect],
        f"{context['file_count']} files have other {difference.aspect} than most, and keep them.",
        remedy=_REMEDIES[difference.aspect],
        **context,
    )


def _remarks(groups: Sequence[TraitGroup], measure: RasterTraits, names: Names) -> Iterator[Finding]:
    if nodata := _difference("nodata values", groups, measure):
        yield warning(
            "COLLECTION_MIXED_NODATA",
            "The files do not agree on the nodata value; each keeps its own.",
            remedy="Give the nodata value that holds for all, if there is one.",
            **nodata.context(names),
        )
    if classes := _difference("classes", groups, measure):
        yield info(
            "COLLECTION_MIXED_CLASSES",
            f"The files look different by themselves; all are taken as {prevailing_class(groups)}.",
            **classes.context(names),
        )


def _lines(group: TraitGroup) -> Iterator[int]:
    for first, count in group.runs:
        yield from range(first, first + count)
