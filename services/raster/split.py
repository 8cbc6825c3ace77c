"""Which files of a collection belong together, where each kind of them is to become a mosaic. Pure."""

from collections.abc import Sequence

from core.errors import PermanentTaskError
from core.task_models.raster import MAX_CLASSES, NamedClass
from core.task_models.raster_cog import CogOptions
from core.task_models.raster_collection import MAX_MOSAICS, TraitGroup
from services.raster.homogeneity import bands, same_resolution

Groups = tuple[TraitGroup, ...]


def split(groups: Sequence[TraitGroup], options: CogOptions) -> tuple[Groups, ...]:
    """The groups of each mosaic: most files first, of equals that of the first file first.

    With `target_crs`, CRSs do not part the files, with `target_resolution` resolutions do not: all are
    brought to that grid. Resolutions are compared within a CRS.

    Raises:
        PermanentTaskError: COLLECTION_TOO_MANY_MOSAICS.
    """
    found: list[list[TraitGroup]] = []
    for group in sorted(groups, key=lambda each: (-each.file_count, each.runs[0])):
        kin = (each for each in found if all(_agree(group, other, options) for other in each))
        if (mosaic := next(kin, None)) is not None:
            mosaic.append(group)
        else:
            found.append([group])
    if len(found) > MAX_MOSAICS:
        raise PermanentTaskError(
            f"The files would make up {len(found)} mosaics; a dataset has at most {MAX_MOSAICS}.",
            code="COLLECTION_TOO_MANY_MOSAICS",
            remedy="Bring them to one grid by target_crs and target_resolution, or submit those that belong "
            "together as collections of their own.",
            context={"mosaic_count": len(found), "limit": MAX_MOSAICS},
        )
    return tuple(sorted(map(tuple, found), key=lambda each: (-_file_count(each), _first_line(each))))


def classes_of(groups: Sequence[TraitGroup]) -> tuple[tuple[NamedClass, ...], tuple[int, ...]]:
    """The values that the files name, each by the first name, and those that they name differently."""
    names, contested = dict[int, NamedClass](), set[int]()
    for group in groups:
        contested |= set(group.contested)
        for each in group.classes:
            if names.setdefault(each.value, each).name != each.name:
                contested.add(each.value)
    values = sorted(names)[:MAX_CLASSES]
    return tuple(names[value] for value in values), tuple(sorted(contested))


def _agree(one: TraitGroup, other: TraitGroup, options: CogOptions) -> bool:
    mine, theirs = one.traits, other.traits
    same_crs = mine.crs == theirs.crs
    return (
        bands(mine) == bands(theirs)
        and mine.dtypes == theirs.dtypes
        and (same_crs or options.target_crs is not None)
        and (
            not same_crs
            or options.target_resolution is not None
            or same_resolution(mine.resolution, theirs.resolution)
        )
    )


def _file_count(groups: Groups) -> int:
    return sum(group.file_count for group in groups)


def _first_line(groups: Groups) -> int:
    return min(group.runs[0][0] for group in groups)
