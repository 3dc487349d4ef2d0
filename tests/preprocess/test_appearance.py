import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.preprocess.appearance import appearance


def test_a_cell_is_measured_on_its_own_pixels() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    image[2:4, 3:8] = (30, 60, 120)
    assert appearance(image) == (0.1, 70.0, 30.0, 60.0, 120.0, 1)


def test_a_pixel_counts_if_it_is_black_in_no_more_than_two_channels() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[1, 1, 2] = 3
    assert appearance(image) == (0.0625, 1.0, 0.0, 0.0, 3.0, 1)


@given(st.integers(0, 255), st.integers(1, 20))
def test_an_image_of_one_colour_has_no_cell(level: int, size: int) -> None:
    image = np.full((size, size, 3), level, np.uint8)
    assert appearance(image) == (0.0, 0.0, 0.0, 0.0, 0.0, 1)


@given(st.tuples(*[st.integers(0, 255)] * 3), st.integers(0, 3))
def test_a_cell_is_the_same_on_every_uniform_background(
    colour: tuple[int, int, int], noise: int
) -> None:
    """Traces of JPEG do not count, where the corners have them, too."""
    cell = tuple((value + 128) % 256 for value in colour)
    spread = np.random.default_rng(1).integers(-noise, noise + 1, (64, 64, 3))
    spread[0, :2] = [[noise] * 3, [-noise] * 3]  # both ends are in a corner
    image = np.clip(np.array(colour) + spread, 0, 255).astype(np.uint8)
    image[16:48, 16:48] = cell
    found = appearance(image)
    assert found[0] == pytest.approx(0.25, abs=0.02 if noise else 0)
    assert found[2:5] == pytest.approx(cell, abs=5 if noise else 0)
    assert found[5] == 1


def test_without_a_uniform_background_the_cell_is_the_whole_image() -> None:
    image = np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8)
    means = [round(float(image[..., channel].mean()), 4) for channel in range(3)]
    assert appearance(image) == (1.0, round(float(image.mean()), 4), *means, 0)


def test_what_was_padded_is_neither_cell_nor_background() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[8:24] = 200
    image[12:20, 8:24] = (90, 60, 150)
    rows = slice(8, 24), slice(None)
    assert appearance(image, rows) == (0.125, 100.0, 90.0, 60.0, 150.0, 1)
    uneven = image.copy()
    uneven[8, 0] = 100
    area, *_, uniform = appearance(uneven, rows)
    assert (area, uniform) == (0.5, 0)
