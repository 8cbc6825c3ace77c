"""Which files become one mosaic, and in which order the mosaics come."""

import pytest

from core.errors import PermanentTaskError
from core.task_models.raster import NamedClass, RasterClass
from core.task_models.raster_cog import CogOptions
from core.task_models.raster_collection import MAX_MOSAICS, TraitGroup
from services.raster.split import classes_of, split
from tests.unit.raster_collections.test_homogeneity import UTM34, group

RGB = {"band_count": 3, "dtypes": ("uint8",) * 3, "classification": RasterClass.RGB}


def lines(*groups: TraitGroup, **options: object) -> list[list[int]]:
    """Those of the files of each mosaic."""
    found = split(groups, CogOptions.model_validate(options))
    return [sorted(first for each in mosaic for first, _ in each.runs) for mosaic in found]


@pytest.mark.parametrize(
    "traits",
    [
        RGB,
        {"dtypes": ("float32",)},
        {"crs": UTM34},
        {"resolution": (20.0, 20.0)},
        {"resolution": (10.0, 20.0)},
    ],
)
def test_what_differs_is_another_mosaic(traits: dict[str, object]) -> None:
    assert lines(group(0, 2), group(1, **traits)) == [[0, 2], [1]]


def test_alpha_is_a_band_of_another_kind() -> None:
    two = {"band_count": 2, "dtypes": ("uint8", "uint8")}
    assert lines(group(0, **two), group(1, alpha=True, **two)) == [[0], [1]]


def test_files_that_agree_are_one_mosaic_whatever_their_nodata_and_class() -> None:
    sea = group(1, classification=RasterClass.CATEGORICAL)
    assert lines(group(0), sea, group(2, nodata=-9999.0), group(3, resolution=(10.0005, 10.0005))) == [
        [0, 1, 2, 3]
    ]


def test_the_tolerance_is_a_ten_thousandth_and_does_not_add_up() -> None:
    nearly, further = (10.0009, 10.0009), (10.0018, 10.0018)
    assert lines(group(0, 1, 2), group(3, 4, resolution=nearly), group(5, resolution=further)) == [
        [0, 1, 2, 3, 4],
        [5],
    ]


def test_the_largest_is_first_and_of_equals_that_of_the_first_file() -> None:
    groups = group(0, crs=UTM34), group(1, 4, 5), group(2, **RGB), group(3, dtypes=("float32",))
    assert lines(*groups) == lines(*reversed(groups)) == [[1, 4, 5], [0], [2], [3]]


def test_a_mosaic_is_measured_by_all_its_files() -> None:
    """Two kinds of nodata together outnumber the largest single group."""
    assert lines(group(0, 1, 2, **RGB), group(3, 4), group(5, 6, nodata=0.0)) == [[3, 4, 5, 6], [0, 1, 2]]


def test_a_target_grid_makes_one_of_what_differs_in_that_alone() -> None:
    mixed = group(0, 1), group(2, crs=UTM34), group(3, resolution=(20.0, 20.0)), group(4, **RGB)
    assert lines(*mixed, target_crs="EPSG:3857", target_resolution=10) == [[0, 1, 2, 3], [4]]
    assert lines(*mixed, target_resolution=10) == [[0, 1, 3], [2], [4]]


def test_with_a_target_crs_resolutions_count_within_each_crs() -> None:
    """Metres and degrees are not compared, and those of one zone are."""
    coarse = {"resolution": (20.0, 20.0)}
    zones = group(0, 1, 2), group(3, 4, crs=UTM34), group(5, crs=UTM34, **coarse), group(6, **coarse)
    assert lines(*zones, target_crs="EPSG:3857") == [[0, 1, 2, 3, 4], [5, 6]]


def test_more_mosaics_than_a_dataset_can_have_are_refused() -> None:
    groups = [group(line, resolution=(1.0 + line, 1.0)) for line in range(MAX_MOSAICS + 1)]
    assert len(split(groups[1:], CogOptions())) == MAX_MOSAICS
    with pytest.raises(PermanentTaskError) as caught:
        split(groups, CogOptions())
    assert caught.value.code == "COLLECTION_TOO_MANY_MOSAICS"
    assert caught.value.remedy
    assert caught.value.context == {"mosaic_count": MAX_MOSAICS + 1, "limit": MAX_MOSAICS}


def test_names_of_classes_are_those_of_the_files_of_the_mosaic() -> None:
    def naming(line: int, *names: tuple[int, str], **of: object) -> TraitGroup:
        classes = tuple(NamedClass(value=value, name=name) for value, name in names)
        return group(line).model_copy(update={"classes": classes, **of})

    classes, contested = classes_of(
        [
            naming(0, (5, "forest"), (1, "water")),
            naming(1, (1, "lake"), (2, "road")),
            naming(2, contested=(9,)),
        ]
    )
    assert [(each.value, each.name) for each in classes] == [(1, "water"), (2, "road"), (5, "forest")]
    assert contested == (1, 9)
