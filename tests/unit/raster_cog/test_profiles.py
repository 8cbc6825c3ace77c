"""Which choices follow from tier, class and wishes, and which wishes are refused."""

import math
from typing import Any

import pytest

from core.errors import PermanentTaskError
from core.task_models.raster import RasterClass, RasterDescription
from core.task_models.raster_cog import CogOptions, CogTier, Compression, Predictor, Resampling
from services.raster.nodata import fits
from services.raster.profiles import ResolvedOptions, resolve

COLORS = {1: ("gray",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}


def header(dtype: str = "uint8", bands: int = 1, **changes: Any) -> RasterDescription:
    return RasterDescription(
        **{
            "width": 64,
            "height": 48,
            "band_count": bands,
            "dtypes": (dtype,) * bands,
            "nodata": None,
            "crs": "EPSG:32633",
            "bounds": (0, 0, 64, 48),
            "bbox": (0, 0, 1, 1),
            "resolution": (1, 1),
            "transform": (1, 0, 0, 0, -1, 48),
            "color_interpretation": COLORS.get(bands, ("gray",) + ("undefined",) * (bands - 1)),
            "descriptions": (None,) * bands,
            **changes,
        }
    )


def resolved(classification: str, description: RasterDescription, **options: Any) -> ResolvedOptions:
    return resolve(CogOptions(**options), RasterClass(classification), description)


def refusal(classification: str, description: RasterDescription, **options: Any) -> str:
    with pytest.raises(PermanentTaskError) as caught:
        resolved(classification, description, **options)
    assert caught.value.remedy
    return caught.value.code


RGB, DEM, CLASSES = header(bands=3), header("float32"), header("uint8")


@pytest.mark.parametrize(
    ("tier", "kind", "description", "compression", "predictor"),
    [
        ("analysis", "rgb", RGB, "DEFLATE", "horizontal"),
        ("analysis", "dem", DEM, "DEFLATE", "floating_point"),
        ("analysis", "categorical", CLASSES, "DEFLATE", "none"),
        ("archive", "rgb", RGB, "DEFLATE", "horizontal"),
        ("archive", "dem", DEM, "DEFLATE", "floating_point"),
        ("visualization", "rgb", RGB, "JPEG", "none"),
        ("visualization", "rgba", header(bands=4), "JPEG", "none"),
        ("visualization", "dem", DEM, "DEFLATE", "floating_point"),
        ("visualization", "categorical", CLASSES, "DEFLATE", "none"),
        ("visualization", "rgb", header("uint16", 3), "DEFLATE", "horizontal"),
        ("visualization", "multispectral", header(bands=5), "DEFLATE", "horizontal"),
    ],
)
def test_tiers(
    tier: str, kind: str, description: RasterDescription, compression: str, predictor: str
) -> None:
    found = resolved(kind, description, cog_tier=tier)
    assert (found.compression, found.predictor) == (compression, predictor)
    if tier != "visualization":
        assert found.is_lossless
    assert found.level == (12 if tier == "archive" else None)


def test_a_tier_that_cannot_be_lossy_says_why() -> None:
    (finding,) = resolved("dem", DEM, cog_tier="visualization").findings
    assert finding.code == "KEPT_LOSSLESS"
    assert "float32" in finding.message
    assert resolved("rgb", RGB, cog_tier="visualization").findings == ()


def test_explicit_wishes_go_before_the_tier() -> None:
    found = resolved(
        "rgb", RGB, cog_tier="visualization", compression="LZW", predictor="none", overview_resampling="cubic"
    )
    assert (found.compression, found.predictor) == (Compression.LZW, Predictor.NONE)
    assert found.overview_resampling is Resampling.CUBIC


@pytest.mark.parametrize(
    ("kind", "description", "options"),
    [
        ("dem", DEM, {"compression": "JPEG"}),
        ("categorical", CLASSES, {"compression": "JPEG"}),
        ("continuous", header(color_interpretation=("palette",)), {"compression": "JPEG"}),
        ("multispectral", header(bands=5), {"compression": "WEBP"}),
        ("continuous", header(), {"compression": "WEBP"}),
        ("rgb", RGB, {"compression": "WEBP", "cog_tier": "archive"}),
        ("categorical", CLASSES, {"resampling": "bilinear"}),
        ("categorical", CLASSES, {"overview_resampling": "average"}),
        ("rgb", RGB, {"predictor": "floating_point"}),
        ("rgb", RGB, {"compression": "JPEG", "predictor": "horizontal"}),
        ("dem", DEM, {"compression": "LERC_ZSTD", "predictor": "floating_point"}),
        ("dem", header(nodata=-9999), {"target_nodata": 0}),
    ],
)
def test_contradictions_are_refused(
    kind: str, description: RasterDescription, options: dict[str, Any]
) -> None:
    assert refusal(kind, description, **options) == "OPTIONS_CONFLICT"


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("tier", list(CogTier))
def test_pictures_take_every_compression(compression: Compression, tier: CogTier) -> None:
    if tier is CogTier.ARCHIVE and not compression.is_lossless:
        assert refusal("rgb", RGB, compression=compression, cog_tier=tier) == "OPTIONS_CONFLICT"
    else:
        assert resolved("rgb", RGB, compression=compression, cog_tier=tier).compression is compression


def test_classes_are_never_averaged() -> None:
    for description in (CLASSES, header(color_interpretation=("palette",))):
        found = resolved("categorical", description, target_crs="EPSG:3857")
        assert (found.resampling, found.overview_resampling) == (Resampling.NEAREST, Resampling.MODE)
    measured = resolved("dem", DEM, target_crs="EPSG:3857")
    assert (measured.resampling, measured.overview_resampling) == (Resampling.BILINEAR, Resampling.AVERAGE)


@pytest.mark.parametrize(
    ("description", "options", "nodata"),
    [
        (header(), {}, None),
        (header(nodata=7), {}, 7),
        (header(nodata=7), {"target_nodata": 7}, 7),
        (header(), {"target_nodata": 7}, 7),
        (header(nodata=7), {"target_nodata": 9, "target_crs": "EPSG:3857"}, 9),
        (header(nodata=7), {"target_crs": "EPSG:3857"}, 7),
        (header(), {"target_crs": "EPSG:3857"}, None),
        (header("int16"), {"target_resolution": 5}, None),
        (header("float32", nodata=-1), {"target_resolution": 5}, -1),
    ],
)
def test_nodata(description: RasterDescription, options: dict[str, Any], nodata: float | None) -> None:
    assert resolved("continuous", description, **options).nodata == nodata


def test_floats_get_nan_at_the_edges_of_another_grid() -> None:
    moved = resolved("dem", DEM, target_crs="EPSG:3857").nodata
    assert moved is not None
    assert math.isnan(moved)
    assert resolved("dem", DEM).nodata is None
    named = resolved("dem", header("float32", nodata="nan"), target_crs="EPSG:4326").nodata
    assert named is not None
    assert math.isnan(named)


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (255, "uint8", True),
        (256, "uint8", False),
        (-1, "uint8", False),
        (0.5, "int16", False),
        (-32768, "int16", True),
        (1e39, "float32", False),
        (1e39, "float64", True),
        (math.nan, "float32", True),
        (math.inf, "int32", False),
    ],
)
def test_what_a_pixel_can_be(value: float, dtype: str, expected: bool) -> None:
    assert fits(value, dtype) == expected


def test_a_nodata_value_that_no_pixel_can_have_is_refused() -> None:
    assert refusal("rgb", RGB, target_nodata=-9999) == "NODATA_CONFLICT"


def test_lossy_pixels_have_a_mask_in_place_of_nodata_and_alpha() -> None:
    found = resolved("rgb", header(bands=3, nodata=0), compression="JPEG")
    assert (found.nodata_to_mask, found.cog_nodata, found.nodata) == (True, None, 0)
    assert resolved("rgba", header(bands=4), compression="JPEG").alpha_to_mask
    assert not resolved("rgba", header(bands=4), compression="WEBP").alpha_to_mask
    assert not resolved("rgb", header(bands=3, nodata=0)).nodata_to_mask


def test_the_own_crs_is_no_reprojection() -> None:
    assert not resolved("rgb", RGB, target_crs="EPSG:32633").reprojects
    assert resolved("rgb", RGB, target_crs="EPSG:3857").reprojects
    assert resolved("rgb", RGB, target_resolution=2).reprojects
