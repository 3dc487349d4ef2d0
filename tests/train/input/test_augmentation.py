from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.train.input.augmentation import augment, recoloured, rotated
from stages.train.input.random_numbers import uniform_numbers
from stages.train.params import AugmentationParams

OFF = AugmentationParams(
    horizontal_flip=False,
    vertical_flip=False,
    quarter_turns=False,
    rotation_degrees=0.0,
    brightness=0.0,
    stain=0.0,
)
ON = AugmentationParams(
    horizontal_flip=True,
    vertical_flip=True,
    quarter_turns=True,
    rotation_degrees=180.0,
    brightness=0.3,
    stain=0.2,
)
EACH = [replace(OFF, **{name: getattr(ON, name)}) for name in vars(OFF)]
SIZE = 24


def noise(seed: int = 1, *, low: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, 256, (SIZE, SIZE, 3), np.uint8)


def cell(level: int = 120, *, radius: float = 8) -> np.ndarray:
    """A disc of one colour on black."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    return np.where((x**2 + y**2 < radius**2)[..., None], [level, level // 2, level], 0).astype(
        np.uint8
    )


def varied(
    image: np.ndarray, params: AugmentationParams, *, count: int = 64, seed: int = 1, epoch: int = 0
) -> np.ndarray:
    """What becomes of an image at each of `count` positions."""
    positions = tf.data.Dataset.range(count)
    drawn = uniform_numbers(count, seed=seed, epoch=epoch)
    dataset = positions.map(
        lambda position: augment(tf.constant(image), params, tf.gather(drawn, position))
    )
    return np.stack(list(dataset.as_numpy_iterator()))


def recolour(image: np.ndarray, brightness: float, factors: list, shifts: list) -> np.ndarray:
    return recoloured(
        tf.constant(image),
        brightness=tf.constant(brightness),
        factors=tf.constant(factors, tf.float32),
        shifts=tf.constant(shifts, tf.float32),
    ).numpy()


def which(results: np.ndarray, candidates: list[np.ndarray]) -> list[int]:
    """The number of the one candidate that each result equals."""
    found = []
    for result in results:
        equal = [number for number, image in enumerate(candidates) if (image == result).all()]
        assert len(equal) == 1
        found += equal
    return found


def test_what_is_off_changes_nothing() -> None:
    assert (varied(noise(), OFF, count=3) == noise()).all()


@pytest.mark.parametrize("params", [*EACH, ON])
def test_the_same_seed_epoch_and_position_give_the_same_image(params: AugmentationParams) -> None:
    first = varied(noise(), params)
    assert first.dtype == np.uint8
    assert (first == varied(noise(), params)).all()
    assert len(np.unique(first, axis=0)) > 1
    for other in (varied(noise(), params, epoch=1), varied(noise(), params, seed=2)):
        assert (first != other).any()


def test_the_largest_seed_and_a_late_epoch_have_room() -> None:
    late = [varied(noise(), ON, count=4, seed=2**31 - 1, epoch=epoch) for epoch in (998, 999)]
    assert (late[0] != late[1]).any()


@pytest.mark.parametrize(("name", "axis"), [("horizontal_flip", 1), ("vertical_flip", 0)])
def test_flips_turn_half_of_the_images_around_exactly(name: str, axis: int) -> None:
    results = varied(noise(), replace(OFF, **{name: True}), count=400)
    assert 0.4 < np.mean(which(results, [noise(), np.flip(noise(), axis)])) < 0.6


def test_quarter_turns_are_exact_and_each_as_frequent() -> None:
    results = varied(noise(), replace(OFF, quarter_turns=True), count=400)
    turned = which(results, [np.rot90(noise(), turns) for turns in range(4)])
    assert (np.bincount(turned) > 70).all()


def test_the_augmentations_are_drawn_independently() -> None:
    flips = replace(OFF, horizontal_flip=True, vertical_flip=True)
    candidates = [noise(), noise()[:, ::-1], noise()[::-1], noise()[::-1, ::-1]]
    drawn = np.array(which(varied(noise(), flips, count=400), candidates))
    assert (np.bincount(drawn) > 70).all()
    # Another augmentation beside it changes nothing in what it draws.
    alone = varied(noise(), replace(OFF, horizontal_flip=True), count=400)
    assert (drawn % 2 == which(alone, candidates[:2])).all()


def test_a_rotation_by_a_quarter_is_that_quarter_turn() -> None:
    for quarters in range(-2, 3):
        result = rotated(tf.constant(noise()), tf.constant(90.0 * quarters)).numpy()
        assert (np.abs(result.astype(int) - np.rot90(noise(), quarters)) <= 1).all()


def test_rotations_reach_as_far_as_they_may_either_way() -> None:
    line = np.zeros((SIZE, SIZE, 3), np.uint8)
    line[: SIZE // 2, SIZE // 2 - 1 : SIZE // 2 + 1] = 255  # up from the centre
    results = varied(line, replace(OFF, rotation_degrees=40.0), count=200).astype(float)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    mass = results[..., 0].sum((1, 2))
    angles = np.degrees(
        np.arctan2(
            -(results[..., 0] * x).sum((1, 2)) / mass, -(results[..., 0] * y).sum((1, 2)) / mass
        )
    )
    assert -41 < angles.min() < -35
    assert 35 < angles.max() < 41
    assert abs(angles.mean()) < 5


@settings(max_examples=30)
@given(st.floats(-180, 180, width=32), st.integers(0, 2**32 - 1))
def test_rotation_leaves_the_background_black_and_makes_nothing_brighter(
    degrees: float, seed: int
) -> None:
    image = np.where(cell() > 0, noise(seed, low=1), 0).astype(np.uint8)
    result = rotated(tf.constant(image), tf.constant(degrees)).numpy()
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    distance = np.hypot(x, y)
    assert (result[distance > 8 + 2**0.5] == 0).all()
    assert (result.max((0, 1)) <= image.max((0, 1))).all()


@settings(max_examples=30)
@given(st.floats(-180, 180, width=32))
def test_rotation_darkens_the_border_of_the_cell_alone(degrees: float) -> None:
    result = rotated(tf.constant(cell()), tf.constant(degrees)).numpy()
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    inside = np.hypot(x, y) < 8 - 2**0.5
    assert (result[inside] == cell()[inside]).all()
    assert (result <= cell().max((0, 1))).all()


def test_what_rotates_in_from_outside_is_black() -> None:
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    result = rotated(tf.constant(white), tf.constant(45.0)).numpy()
    assert (result[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()
    assert (result[SIZE // 2 - 5 : SIZE // 2 + 5, SIZE // 2 - 5 : SIZE // 2 + 5] == 255).all()


@settings(max_examples=30)
@given(
    st.floats(0.5, 1.5, width=32),
    st.lists(st.floats(0.5, 1.5, width=32), min_size=3, max_size=3),
    st.lists(st.floats(-0.5, 0.5, width=32), min_size=3, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_colour_changes_no_pixel_from_or_to_black(
    brightness: float, factors: list, shifts: list, seed: int
) -> None:
    random = np.random.default_rng(seed)
    image = noise(seed) // random.choice([1, 60, 255])  # some darker than a step of brightness
    image[random.random((SIZE, SIZE)) < 0.5] = 0
    result = recolour(image, brightness, factors, shifts)
    assert (result.any(-1) == image.any(-1)).all()


def test_unchanged_stains_and_light_leave_the_colours() -> None:
    assert (recolour(noise(low=1), 1.0, [1, 1, 1], [0, 0, 0]) == noise(low=1)).all()


@pytest.mark.parametrize("brightness", [0.5, 0.9, 1.1])
def test_brightness_multiplies(brightness: float) -> None:
    expected = np.clip(np.round(noise(low=2) * np.float32(brightness)), 1, 255)
    result = recolour(noise(low=2), brightness, [1, 1, 1], [0, 0, 0])
    assert (np.abs(result.astype(int) - expected) <= 1).all()


def test_stains_change_as_tellez_changes_them() -> None:
    factors, shifts = [1.2, 0.9, 1.05], [0.1, -0.05, 0.02]
    vectors = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
    image = noise(low=1)
    amounts = -np.log(image / 255) @ np.linalg.inv(vectors)
    expected = 255 * np.exp(-(amounts * factors + shifts) @ vectors)
    result = recolour(image, 1.0, factors, shifts)
    assert (np.abs(result - np.clip(expected, 1, 255)) < 0.51).all()


def test_the_more_of_a_stain_the_darker_what_it_absorbs() -> None:
    plain = cell().astype(int)[SIZE // 2, SIZE // 2]
    more_eosin = recolour(cell(), 1.0, [1, 1, 1], [0, 0.3, 0])[SIZE // 2, SIZE // 2]
    assert plain[1] - more_eosin[1] > 10  # green
    assert plain[0] - more_eosin[0] < 5  # red


def test_brightness_and_stain_stay_within_what_is_asked() -> None:
    results = varied(cell(100), replace(OFF, brightness=0.1), count=200)
    levels = results[:, SIZE // 2, SIZE // 2, 0]
    assert levels.min() in (90, 91)
    assert levels.max() in (109, 110)
    assert abs(levels.mean() - 100) < 2
    mild = varied(cell(100), replace(OFF, stain=0.05), count=200)[:, SIZE // 2, SIZE // 2]
    assert 80 < mild[:, 0].min() < mild[:, 0].max() < 125
    assert len(np.unique(mild, axis=0)) > 50
