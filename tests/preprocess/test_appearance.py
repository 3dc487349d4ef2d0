import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.preprocess.appearance import appearance


def test_a_cell_is_measured_on_its_own_pixels() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    image[2:4, 3:8] = (30, 60, 120)
    assert appearance(image) == (0.1, 70.0)


def test_a_pixel_counts_if_it_is_black_in_no_more_than_two_channels() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0, 2] = 3
    assert appearance(image) == (0.25, 1.0)


def test_without_a_cell_there_is_neither() -> None:
    assert appearance(np.zeros((3, 3, 3), np.uint8)) == (0.0, 0.0)


@given(st.integers(1, 255), st.integers(1, 20))
def test_a_full_image_has_its_own_brightness(level: int, size: int) -> None:
    found = appearance(np.full((size, size, 3), level, np.uint8))
    assert found == (1.0, pytest.approx(level))
