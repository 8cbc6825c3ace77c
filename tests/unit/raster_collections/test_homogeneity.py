"""Which collections pass, which are refused, and what is said of them."""

import pytest

from core.errors import PermanentTaskError
from core.task_models.finding import Finding, Severity
from core.task_models.raster import RasterClass
from core.task_models.raster_cog import CogOptions
from core.task_models.raster_collection import OnMixed, RasterTraits, TraitGroup
from services.raster.homogeneity import compare, prevailing_class

UTM33, UTM34 = "EPSG:32633", "EPSG:32634"


def group(*lines: int, **traits: object) -> TraitGroup:
    """Files at these lines of the listing, like the others but for `traits`."""
    plain = {
        "band_count": 1,
        "dtypes": ("int16",),
        "crs": UTM33,
        "resolution": (10.0, 10.0),
        "classification": RasterClass.DEM,
    }
    return TraitGroup(
        traits=RasterTraits.model_validate(plain | traits),
        runs=tuple((line, 1) for line in lines),
        pixel_bytes=100 * len(lines),
    )


def findings(*groups: TraitGroup, on_mixed: OnMixed = OnMixed.ERROR, **options: object) -> dict[str, Finding]:
    """By code."""
    found = compare(
        groups,
        on_mixed=on_mixed,
        options=CogOptions.model_validate(options),
        names=lambda index: f"file{index}",
    )
    return {each.code: each for each in found}


MIXED = {
    "COLLECTION_BAND_MISMATCH": {"band_count": 3, "dtypes": ("int16",) * 3},
    "COLLECTION_DTYPE_MISMATCH": {"dtypes": ("float32",)},
    "COLLECTION_CRS_MISMATCH": {"crs": UTM34},
    "COLLECTION_RESOLUTION_MISMATCH": {"resolution": (20.0, 20.0)},
}


@pytest.mark.parametrize(("code", "traits"), MIXED.items())
def test_what_differs_is_refused_with_the_files_that_do(code: str, traits: dict[str, object]) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        findings(group(0, 2, 3), group(1, 4, **traits))
    assert caught.value.code == code
    assert caught.value.remedy
    assert caught.value.context["files"] == ["file1", "file4"]
    assert caught.value.context["file_count"] == 2


def test_the_minority_is_named_whichever_came_first() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        findings(group(0, crs=UTM34), group(1, 2))
    assert caught.value.context["files"] == ["file0"]
    assert caught.value.context["expected"] == UTM33


def test_an_error_names_twenty_files_and_counts_the_rest() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        findings(group(*range(50)), group(*range(50, 99), crs=UTM34))
    assert caught.value.context["file_count"] == 49
    assert caught.value.context["files"] == [f"file{line}" for line in range(50, 70)]


@pytest.mark.parametrize("traits", [{"crs": UTM34}, {"resolution": (20.0, 20.0)}])
def test_grids_may_differ_when_the_client_says_so(traits: dict[str, object]) -> None:
    found = findings(group(0, 1), group(2, **traits), on_mixed=OnMixed.GROUPS)
    (warning,) = found.values()
    assert warning.severity is Severity.WARNING
    assert warning.context["files"] == ["file2"]


@pytest.mark.parametrize("traits", [{"band_count": 2, "dtypes": ("int16",) * 2}, {"dtypes": ("uint8",)}])
def test_no_word_of_the_client_makes_other_bands_or_types_fit(traits: dict[str, object]) -> None:
    with pytest.raises(PermanentTaskError, match="other"):
        findings(group(0, 1), group(2, **traits), on_mixed=OnMixed.GROUPS, target_crs="EPSG:3857")


def test_alpha_is_a_band_of_another_kind() -> None:
    two = {"band_count": 2, "dtypes": ("uint8", "uint8")}
    with pytest.raises(PermanentTaskError) as caught:
        findings(group(0, 1, **two), group(2, alpha=True, **two))
    assert caught.value.code == "COLLECTION_BAND_MISMATCH"


def test_a_target_grid_makes_all_agree() -> None:
    mixed = group(0, 1), group(2, crs=UTM34), group(3, resolution=(20.0, 20.0))
    assert findings(*mixed, target_crs="EPSG:3857", target_resolution=10) == {}
    with pytest.raises(PermanentTaskError) as caught:
        findings(*mixed, target_crs="EPSG:3857")
    assert caught.value.code == "COLLECTION_RESOLUTION_MISMATCH"


def test_rounding_is_no_difference() -> None:
    nearly = group(2, resolution=(0.00027777, 0.00027778))
    assert findings(group(0, 1, resolution=(0.00027778, 0.00027778)), nearly) == {}


def test_nodata_and_classes_may_differ_and_are_told() -> None:
    sea = group(3, classification=RasterClass.CATEGORICAL)
    found = findings(group(0, 1), group(2, nodata=-9999.0), sea)
    assert set(found) == {"COLLECTION_MIXED_NODATA", "COLLECTION_MIXED_CLASSES"}
    assert prevailing_class([group(0, 1), sea]) is RasterClass.DEM


def test_the_class_is_that_of_the_most_files_over_all_groups() -> None:
    groups = [
        group(0, 1, 2, classification=RasterClass.CATEGORICAL),
        group(3, 4, crs=UTM34),
        group(5, 6, resolution=(5.0, 5.0)),
    ]
    assert prevailing_class(groups) is RasterClass.DEM
