import gc
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.dataset.cell_table import read_cells
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.shard_reader import Cells, read_part
from stages.train.input.augmentation import augment
from stages.train.input.batches import training_batches, validation_batches
from stages.train.input.random_numbers import uniform_numbers
from stages.train.input.sampling import epoch_order
from stages.train.params import AugmentationParams, TrainParams
from tests.shard_folder import table_of, write_shards
from tests.train.scene import Trainings

Batch = tuple[np.ndarray, ...]


@pytest.fixture(scope="module")
def plain(train_params: TrainParams) -> TrainParams:
    """The shipped parameters for 2 epochs of batches of 4, without augmentation."""
    return replace(
        train_params, augmentation=AugmentationParams(False, False, False, 0.0, 0.0, 0.0)
    )


@pytest.fixture(scope="module")
def flipping(plain: TrainParams) -> TrainParams:
    return replace(plain, augmentation=replace(plain.augmentation, horizontal_flip=True))


@pytest.fixture(scope="module")
def everything(plain: TrainParams) -> TrainParams:
    return replace(
        plain,
        augmentation=AugmentationParams(True, True, True, 180.0, 0.1, 0.05),
        sampling="subject_balanced",
        class_weights="balanced",
        label_smoothing=0.1,
    )


def numbered_cells(count: int, size: int = 4) -> Cells:
    """Cells whose first pixel tells their number, and the first column left from right."""
    images = np.zeros((count, size, size, 3), np.uint8)
    images[:, :, 0, 0] = np.arange(count)[:, None]
    images[:, :, -1, 1] = 255
    labels = np.arange(count, dtype=np.int64) % 2
    names = [f"UID_{number % 3 + 1}_1_{number}_all.bmp" for number in range(count)]
    names = [
        name if number % 2 else f"UID_H1_1_{number}_hem.bmp" for number, name in enumerate(names)
    ]
    return Cells(images, labels, names, [name.split("_")[1] for name in names])


def batches_of(
    cells: Cells, params: TrainParams, *, seed: int = 1, first_step: int = 0
) -> list[Batch]:
    """The batches of all epochs from a step on."""
    steps = len(cells.labels) // params.batch_size
    epochs = range(first_step // steps, params.epochs)
    return [
        batch
        for first in (max(first_step, epoch * steps) for epoch in epochs)
        for batch in training_batches(
            cells, params, seed=seed, first_step=first
        ).as_numpy_iterator()
    ]


def epochs_of(cells: Cells, params: TrainParams, *, seed: int = 1) -> list[list[Batch]]:
    batches = batches_of(cells, params, seed=seed)
    steps = len(cells.labels) // params.batch_size
    assert len(batches) == params.epochs * steps
    return [batches[epoch * steps : (epoch + 1) * steps] for epoch in range(params.epochs)]


def numbers(epoch: list[Batch]) -> list[int]:
    """The numbers of the cells, whether flipped or not."""
    return [int(image[0, [0, -1], 0].max()) for images, *_ in epoch for image in images]


def same(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        (a == b).all()
        for one, other in zip(first, second, strict=True)
        for a, b in zip(one, other, strict=True)
    )


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(4, 60), st.integers(2, 8), st.integers(0, 2**31 - 1), st.booleans())
def test_an_epoch_shows_no_cell_twice_and_as_many_as_fill_batches(
    plain: TrainParams,
    flipping: TrainParams,
    count: int,
    batch_size: int,
    seed: int,
    flip: bool,
) -> None:
    params = replace(flipping if flip else plain, batch_size=min(batch_size, count))
    for epoch in epochs_of(numbered_cells(count), params, seed=seed):
        shown = numbers(epoch)
        assert len(shown) == len(set(shown)) == count // params.batch_size * params.batch_size
        assert set(shown) <= set(range(count))


def test_labels_stay_with_their_images(plain: TrainParams) -> None:
    for epoch in epochs_of(numbered_cells(24), plain):
        labels = np.concatenate([labels for _, labels in epoch])
        assert labels.tolist() == [number % 2 for number in numbers(epoch)]


def test_the_order_differs_by_epoch_and_seed_and_is_repeated(plain: TrainParams) -> None:
    cells = numbered_cells(40)
    first, second = map(numbers, epochs_of(cells, plain))
    assert first != second
    assert first != sorted(first)
    assert [first, second] == [numbers(epoch) for epoch in epochs_of(cells, plain)]
    assert first != numbers(epochs_of(cells, plain, seed=2)[0])


def test_an_epoch_does_not_depend_on_how_many_are_asked_for(everything: TrainParams) -> None:
    cells = numbered_cells(40)
    long = batches_of(cells, replace(everything, epochs=5))
    assert same(batches_of(cells, everything), long[:20])


@pytest.fixture(scope="module")
def whole_run(plain: TrainParams, everything: TrainParams) -> Callable[[bool], list[Batch]]:
    @cache
    def batches(plainly: bool) -> list[Batch]:
        params = replace(plain if plainly else everything, epochs=3)
        return batches_of(numbered_cells(43), params)

    return batches


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(first_step=st.integers(0, 30), plainly=st.booleans())
def test_from_any_step_on_come_the_batches_of_the_undisturbed_run(
    plain: TrainParams,
    everything: TrainParams,
    whole_run: Callable[[bool], list[Batch]],
    first_step: int,
    plainly: bool,
) -> None:
    cells, params = numbered_cells(43), replace(plain if plainly else everything, epochs=3)
    whole = whole_run(plainly)
    assert len(whole) == 30
    assert same(batches_of(cells, params, first_step=first_step), whole[first_step:])


def test_what_the_batches_are_made_of_does_not_depend_on_the_first_step(
    everything: TrainParams,
) -> None:
    cells = numbered_cells(43)
    whole = training_batches(cells, everything, seed=1)
    rest = training_batches(cells, everything, seed=1, first_step=13)
    assert whole.element_spec == rest.element_spec
    assert (int(whole.cardinality()), int(rest.cardinality())) == (10, 7)


def test_an_image_is_what_seed_epoch_and_position_make_of_its_cell(everything: TrainParams) -> None:
    cells = numbered_cells(14)
    for batch_size in (4, 6):
        params = replace(everything, batch_size=batch_size, sampling="natural")
        for epoch, batches in enumerate(epochs_of(cells, params, seed=5)):
            order = epoch_order(cells, sampling="natural", positions=12, seed=5, epoch=epoch)
            drawn = uniform_numbers(12, seed=5, epoch=epoch)
            shown = np.concatenate([images for images, *_ in batches])
            for position, index in enumerate(order):
                expected = augment(
                    tf.constant(cells.images[index]), params.augmentation, drawn[position]
                )
                assert (shown[position] == expected.numpy()).all()


def test_flips_turn_about_half_of_the_images_around_and_never_upside_down(
    flipping: TrainParams, plain: TrainParams
) -> None:
    cells = numbered_cells(200)
    flipped = [
        bool(image[0, 0, 1] == 255)
        for epoch in epochs_of(cells, flipping)
        for images, _ in epoch
        for image in images
    ]
    assert 0.4 < np.mean(flipped) < 0.6
    assert flipped[:200] != flipped[200:]
    unflipped = epochs_of(cells, plain)
    assert all((images[:, 0, -1, 1] == 255).all() for epoch in unflipped for images, _ in epoch)


def test_pixels_reach_the_model_as_bytes(plain: TrainParams, everything: TrainParams) -> None:
    images, labels = batches_of(numbered_cells(8), plain)[0]
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
    images, goals, weights = batches_of(numbered_cells(8), everything)[0]
    assert [array.dtype for array in (images, goals, weights)] == [np.uint8, np.float32, np.float32]
    assert (goals.shape, weights.shape) == ((4, 2), (4,))


def test_subjects_are_balanced_where_that_is_asked_for(plain: TrainParams) -> None:
    subject = [number % 2 * (number % 3 + 1) for number in range(60)]  # 0 is the one of HEM
    kept = [number for number in range(60) if subject[number] < 2 or number in (1, 7)]
    cells = numbered_cells(60)  # now 30 HEM cells, 10 ALL cells of a subject, 2 of another
    cells = Cells(
        cells.images[kept],
        cells.labels[kept],
        [cells.image_ids[n] for n in kept],
        [cells.subjects[n] for n in kept],
    )
    params = replace(plain, sampling="subject_balanced", batch_size=6)
    for epoch in epochs_of(cells, params):
        assert np.bincount([subject[number] for number in numbers(epoch)]).tolist() == [30, 6, 6]


def test_targets_and_weights_stay_with_their_images(plain: TrainParams) -> None:
    cells = numbered_cells(40)
    cells = replace(cells, images=cells.images[10:], labels=np.arange(30) // 20)
    params = replace(plain, class_weights="balanced", label_smoothing=0.2)
    for epoch in epochs_of(cells, params):
        labels = [(number - 10) // 20 for number in numbers(epoch)]
        goals = np.concatenate([goals for _, goals, _ in epoch])
        weights = np.concatenate([weights for *_, weights in epoch])
        assert goals == pytest.approx(np.where(np.eye(2)[labels] == 1, 0.9, 0.1))
        assert weights == pytest.approx(np.where(labels, 1.5, 0.75))


@pytest.mark.parametrize("batch_size", [3, 5, 20])
def test_validation_shows_every_cell_once_in_order(
    batch_size: int, everything: TrainParams
) -> None:
    cells = numbered_cells(10)
    dataset = validation_batches(cells, everything, batch_size=batch_size)
    batches = list(dataset.as_numpy_iterator())
    assert len(batches) == int(dataset.cardinality()) == -(-10 // batch_size)
    assert (np.concatenate([images for images, _ in batches]) == cells.images).all()
    assert (np.concatenate([goals for _, goals in batches]) == np.eye(2)[cells.labels]).all()


def test_validation_has_labels_where_training_has_them(plain: TrainParams) -> None:
    cells = numbered_cells(10)
    batches = validation_batches(cells, plain, batch_size=plain.batch_size).as_numpy_iterator()
    assert (np.concatenate([labels for _, labels in batches]) == cells.labels).all()


def test_batches_outlive_the_cells(plain: TrainParams, shards: Path, cells_csv: Path) -> None:
    cells = read_part(shards, read_cells(cells_csv), "train")
    expected = batches_of(replace(cells, images=cells.images[:]), plain)
    dataset = training_batches(cells, plain, seed=1)
    del cells
    gc.collect()
    assert same(list(dataset.as_numpy_iterator()), expected[:3])


def test_batches_are_the_same_from_shards_and_from_memory(
    everything: TrainParams, shards: Path, cells_csv: Path
) -> None:
    in_shards = read_part(shards, read_cells(cells_csv), "train")
    in_memory = replace(in_shards, images=in_shards.images[:])
    for first_step in (0, 1):
        expected = batches_of(in_memory, everything, first_step=first_step)
        assert same(batches_of(in_shards, everything, first_step=first_step), expected)
    validation = [
        list(validation_batches(cells, everything, batch_size=3).as_numpy_iterator())
        for cells in (in_memory, in_shards)
    ]
    assert same(*validation)


def test_no_tuner_can_hold_up_the_end_of_an_iterator(plain: TrainParams) -> None:
    cells = numbered_cells(8)
    for batches in (
        training_batches(cells, plain, seed=1),
        validation_batches(cells, plain, batch_size=2),
    ):
        assert batches.options().autotune.enabled is False


@pytest.mark.parametrize("deterministic", [True, False])
def test_memory_holds_the_images_of_a_few_batches(
    deterministic: bool, trainings: Trainings, tmp_path: Path
) -> None:
    size = 600
    cells = [
        (np.full((size, size, 3), number % 256, np.uint8), CLASS_NAMES[number % 2], f"{number}.bmp")
        for number in range(300)
    ]
    for name, part in (("small", cells[:60]), ("large", cells)):
        write_shards(tmp_path / name, part, image_size=size)
        table_of({"train": part}).to_csv(tmp_path / f"{name}.csv", index=False)
    code = f"""
import sys
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
import pandas as pd
import tensorflow as tf
from stages.common.params_file import load_params
from stages.dataset.shard_reader import read_part
from stages.train.input.batches import training_batches, validation_batches
from stages.train.params import TrainParams
if {deterministic}:
    tf.config.experimental.enable_op_determinism()
params = replace(load_params(Path("params.yaml")).section(TrainParams), batch_size=4, epochs=1)
def peak(name):
    folder = Path({str(tmp_path)!r})
    table = pd.read_csv(folder / (name + ".csv"), dtype={{"subject": str}})
    cells = read_part(folder / name, table, "train")
    for dataset in (
        training_batches(cells, params, seed=1),
        validation_batches(cells, params, batch_size=params.batch_size),
    ):
        for _ in dataset:
            pass
    return getrusage(RUSAGE_SELF).ru_maxrss
before = peak("small")
unit = 1 if sys.platform == "darwin" else 1024
print((peak("large") - before) * unit / ({len(cells)} * 3 * {size} ** 2))
"""
    finished = trainings.python(code)
    assert finished.returncode == 0, finished.stderr
    assert float(finished.stdout) < 0.2
