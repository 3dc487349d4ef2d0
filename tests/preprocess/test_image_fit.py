from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.common.errors import StageError
from stages.preprocess.image_fit import fit_image, known_scale, require_sound, rows_and_columns
from stages.preprocess.params import PreprocessParams

EXACT = PreprocessParams("exact", None, 32, [9, 8, 7], None, 4)
CROP = replace(EXACT, fit="crop", crop_size=32)
WHOLE = replace(EXACT, fit="whole")


def noise(width: int = 96, height: int | None = None) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (height or width, width, 3), np.uint8)


def fitted(
    source: np.ndarray[Any, Any], params: PreprocessParams, *, scale: float | None = None
) -> np.ndarray[Any, Any]:
    return np.asarray(fit_image(Image.fromarray(source), params, microns_per_pixel=scale))


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 80),
    height=st.integers(1, 80),
    crop=st.integers(1, 80),
    whole=st.booleans(),
)
def test_an_image_of_any_size_comes_to_the_size_of_the_model(
    width: int, height: int, crop: int, *, whole: bool
) -> None:
    params = WHOLE if whole else replace(CROP, crop_size=crop)
    pixels = fitted(noise(width, height), params)
    assert (pixels.shape, pixels.dtype) == ((32, 32, 3), np.uint8)


@settings(max_examples=200, deadline=None)
@given(
    width=st.integers(1, 80),
    height=st.integers(1, 80),
    crop=st.integers(1, 160),
    scale=st.sampled_from([None, 0.5, 1.3]),
    whole=st.booleans(),
)
def test_it_is_known_what_of_a_fitted_image_was_not_padded(
    width: int, height: int, crop: int, scale: float | None, *, whole: bool
) -> None:
    params = WHOLE if whole else replace(CROP, crop_size=crop, microns_per_pixel=scale and 1.0)
    pixels = fitted(np.full((height, width, 3), 200, np.uint8), params, scale=scale)
    rows, columns = rows_and_columns((width, height), params, microns_per_pixel=scale)
    shown = pixels[rows, columns]
    assert shown.size
    assert (shown == 200).all() or min(shown.shape[:2]) == 1
    if whole:
        padding = np.ones((32, 32), bool)
        padding[rows, columns] = False
        assert (pixels[padding] == params.background).all()


@pytest.mark.parametrize(("size", "crop"), [((40, 80), 160), ((200, 90), 180), ((50, 50), 64)])
def test_hardly_more_than_the_padding_is_left_out(size: tuple[int, int], crop: int) -> None:
    params = replace(CROP, crop_size=crop)
    found = rows_and_columns(size, params, microns_per_pixel=None)
    for part, length in zip(found, reversed(size), strict=True):
        shown = min(32, 32 * length / crop)
        assert shown - 4 <= part.stop - part.start <= shown


def test_the_resize_is_pillows_bilinear_with_reducing_gap() -> None:
    source = noise()
    expected = Image.fromarray(source).resize((32, 32), Image.Resampling.BILINEAR, reducing_gap=1.0)
    assert (fitted(source, EXACT) == np.asarray(expected)).all()
    nearest = Image.fromarray(source).resize((32, 32), Image.Resampling.NEAREST)
    assert (np.asarray(nearest) != np.asarray(expected)).any()


@pytest.mark.parametrize("size", [96, 97])
@pytest.mark.parametrize("crop", [32, 33, 96])
def test_where_no_image_is_smaller_exact_and_crop_take_the_same_centre(
    size: int, crop: int
) -> None:
    source, left = noise(size), (size - crop) // 2
    centre = Image.fromarray(source[left : left + crop, left : left + crop])
    expected = centre.resize((32, 32), Image.Resampling.BILINEAR, reducing_gap=1.0)
    for params in (EXACT, CROP):
        found = fitted(source, replace(params, crop_size=crop))
        assert (found == np.asarray(expected)).all()


def test_a_crop_keeps_the_size_of_a_cell_and_pads_with_the_background() -> None:
    source = noise(20, 10)
    pixels = fitted(source, CROP)
    assert (pixels[11:21, 6:26] == source).all()
    pixels = pixels.copy()
    pixels[11:21, 6:26] = (9, 8, 7)
    assert (pixels == [9, 8, 7]).all()


def test_a_crop_cuts_one_edge_and_pads_the_other() -> None:
    source = noise(100, 10)
    pixels = fitted(source, CROP)
    assert (pixels[11:21] == source[:, 34:66]).all()
    assert (pixels[:11] == [9, 8, 7]).all()
    assert (pixels[21:] == [9, 8, 7]).all()


def test_a_whole_image_keeps_its_shape_and_is_padded() -> None:
    source = np.full((48, 96, 3), 200, np.uint8)
    pixels = fitted(source, WHOLE)
    assert (pixels[8:24] == 200).all()
    assert (pixels[:8] == [9, 8, 7]).all()
    assert (pixels[24:] == [9, 8, 7]).all()


@pytest.mark.parametrize(("size", "scale"), [(64, 0.5), (96, 1 / 3), (16, 2.0)])
def test_cells_of_another_scale_come_to_the_one_that_is_asked_for(size: int, scale: float) -> None:
    """A disk of 16 µm, seen at any scale, fills half of a crop of 32 µm."""
    place = np.hypot(*(np.mgrid[:size, :size] + 0.5 - size / 2)) * scale
    source = np.repeat(np.where(place < 8, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    params = replace(CROP, background=[0, 0, 0], microns_per_pixel=1.0)
    pixels = fitted(source, params, scale=scale)
    assert (pixels[..., 0] > 127).sum() == pytest.approx(np.pi * 8**2, rel=0.1)
    assert (pixels[16, :, 0] > 127).sum() == 16


def test_an_unknown_scale_is_told_where_one_is_asked_for() -> None:
    params = replace(CROP, microns_per_pixel=0.25)
    with pytest.raises(StageError, match=r"is 0\.25, but the scale of an image is not known; set"):
        fitted(noise(), params)
    assert (fitted(noise(), CROP, scale=3.0) == fitted(noise(), CROP)).all()


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.25", 0.25), (2, 2.0), ("", None), (float("nan"), None), (None, None)],
)
def test_a_scale_is_read_from_a_table(value: object, expected: float | None) -> None:
    assert known_scale(value) == expected


@pytest.mark.parametrize("value", ["0", "-1", "inf", "a", "0,5"])
def test_what_is_no_scale_is_told(value: str) -> None:
    with pytest.raises(StageError, match=f"is '{value}', expected a number above 0, or nothing"):
        known_scale(value)


def test_an_exact_image_must_be_a_square() -> None:
    with pytest.raises(StageError, match=r"an image is 96×90, expected a square where .* to whole"):
        fitted(noise(96, 90), EXACT)


def test_an_exact_image_must_not_be_smaller_than_the_crop() -> None:
    with pytest.raises(StageError, match=r"are 96×96, and `preprocess\.crop_size` is 97; set"):
        fitted(noise(96), replace(EXACT, crop_size=97))


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        (
            replace(CROP, crop_size=None),
            "`preprocess.fit` is crop and `preprocess.crop_size` is",
        ),
        (
            replace(WHOLE, crop_size=32),
            "`preprocess.fit` is whole and `preprocess.crop_size` is",
        ),
        (replace(WHOLE, microns_per_pixel=0.1), "`preprocess.microns_per_pixel` is 0.1 and `prepr"),
    ],
)
def test_parameters_that_contradict_each_other_are_told(
    params: PreprocessParams, problem: str
) -> None:
    with pytest.raises(StageError) as caught:
        require_sound(params)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    "params",
    [
        *(EXACT, replace(EXACT, crop_size=32), replace(EXACT, microns_per_pixel=0.1)),
        *(CROP, replace(CROP, microns_per_pixel=0.1), WHOLE),
    ],
)
def test_other_parameters_are_sound(params: PreprocessParams) -> None:
    require_sound(params)
