import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.shards import Cells
from stages.train.batches import training_batches, validation_batches


def numbered_cells(count: int, size: int = 4) -> Cells:
    """Cells whose first pixel tells their number, and the first column left from right."""
    images = np.zeros((count, size, size, 3), np.uint8)
    images[:, :, 0, 0] = np.arange(count)[:, None]
    images[:, :, -1, 1] = 255
    labels = np.arange(count, dtype=np.int64) % 2
    return Cells(images, labels, [f"{number}.bmp" for number in range(count)])


def epochs_of(
    cells: Cells, *, batch_size: int = 4, epochs: int = 2, seed: int = 1, flip: bool = False
) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    batches = list(
        training_batches(
            cells, batch_size=batch_size, epochs=epochs, seed=seed, horizontal_flip=flip
        ).as_numpy_iterator()
    )
    steps = len(cells.labels) // batch_size
    assert len(batches) == epochs * steps
    return [batches[epoch * steps : (epoch + 1) * steps] for epoch in range(epochs)]


def numbers(epoch: list[tuple[np.ndarray, np.ndarray]]) -> list[int]:
    """The numbers of the cells, whether flipped or not."""
    return [int(image[0, [0, -1], 0].max()) for images, _ in epoch for image in images]


@settings(deadline=None, max_examples=20)
@given(st.integers(4, 60), st.integers(2, 8), st.integers(0, 2**31 - 1), st.booleans())
def test_an_epoch_shows_no_cell_twice_and_as_many_as_fill_batches(
    count: int, batch_size: int, seed: int, flip: bool
) -> None:
    batch_size = min(batch_size, count)
    epochs = epochs_of(numbered_cells(count), batch_size=batch_size, seed=seed, flip=flip)
    for epoch in epochs:
        shown = numbers(epoch)
        assert len(shown) == len(set(shown)) == count // batch_size * batch_size
        assert set(shown) <= set(range(count))


def test_labels_stay_with_their_images() -> None:
    for epoch in epochs_of(numbered_cells(24)):
        labels = np.concatenate([labels for _, labels in epoch])
        assert labels.tolist() == [number % 2 for number in numbers(epoch)]


def test_the_order_differs_by_epoch_and_seed_and_is_repeated() -> None:
    cells = numbered_cells(40)
    first, second = map(numbers, epochs_of(cells, seed=1))
    assert first != second
    assert first != sorted(first)
    assert [first, second] == [numbers(epoch) for epoch in epochs_of(cells, seed=1)]
    assert first != numbers(epochs_of(cells, seed=2)[0])


def test_an_epoch_does_not_depend_on_how_many_are_asked_for() -> None:
    cells = numbered_cells(40)
    short, long = epochs_of(cells, epochs=2, flip=True), epochs_of(cells, epochs=5, flip=True)
    for (images, _), (expected, _) in zip(short[1], long[1], strict=True):
        assert (images == expected).all()


def test_flips_turn_about_half_of_the_images_around_and_never_upside_down() -> None:
    cells = numbered_cells(200)
    flipped = [
        bool(image[0, 0, 1] == 255)
        for epoch in epochs_of(cells, epochs=2, flip=True)
        for images, _ in epoch
        for image in images
    ]
    assert 0.4 < np.mean(flipped) < 0.6
    assert flipped[:200] != flipped[200:]
    unflipped = epochs_of(cells, flip=False)
    assert all((images[:, 0, -1, 1] == 255).all() for epoch in unflipped for images, _ in epoch)


def test_pixels_reach_the_model_as_bytes() -> None:
    images, labels = epochs_of(numbered_cells(8))[0][0]
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


@pytest.mark.parametrize("batch_size", [3, 5, 20])
def test_validation_shows_every_cell_once_in_order(batch_size: int) -> None:
    cells = numbered_cells(10)
    batches = list(validation_batches(cells, batch_size=batch_size).as_numpy_iterator())
    assert (np.concatenate([images for images, _ in batches]) == cells.images).all()
    assert (np.concatenate([labels for _, labels in batches]) == cells.labels).all()
