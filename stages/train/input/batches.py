"""The batches of training and validation."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from stages.dataset.shard_reader import Cells
from stages.train.input.augmentation import augment
from stages.train.input.random_numbers import uniform_numbers
from stages.train.input.sampling import epoch_order
from stages.train.params import TrainParams
from stages.train.steps.loss import cell_weights, targets

_PREFETCHED = 2  # batches: one is in use, one is ready, one is being made


def training_batches(
    cells: Cells, params: TrainParams, *, seed: int, first_step: int = 0
) -> tf.data.Dataset:
    """Return the batches of an epoch from step `first_step` on.

    The cell at a position and its augmentation are pure functions of (seed, epoch, position). So a
    resumed run gets the same batches as an uninterrupted run.

    Args:
        cells: the training cells, at least one batch.
        params: uses batch_size, augmentation, sampling, class_weights and label_smoothing.
        seed: below 2³¹.
        first_step: counted over all epochs of cells // batch_size steps each.

    Returns:
        Batches of (images, targets) or, with class weights, (images, targets, weights): images as
        in `cells`, targets as in steps/loss.py, weights float32 (batch_size,).

    Raises:
        StageError: if `epoch_order` or `cell_weights` raises it.
    """
    steps = len(cells.labels) // params.batch_size
    epoch, step = divmod(first_step, steps)
    positions = steps * params.batch_size
    left = slice(step * params.batch_size, None)
    order = epoch_order(
        cells, sampling=params.sampling, positions=positions, seed=seed, epoch=epoch
    )[left]
    weights = cell_weights(cells.labels, params.class_weights)
    goals = targets(cells.labels, label_smoothing=params.label_smoothing, training=True)
    columns = [order, uniform_numbers(positions, seed=seed, epoch=epoch)[left], goals[order]]
    columns += [] if weights is None else [weights[order]]
    with tf.device("CPU"):  # tf.data runs there; GPU memory is for the model
        held = [tf.constant(column) for column in columns]

    image = _images(cells)

    def example(place: tf.Tensor) -> tuple[tf.Tensor, ...]:
        index, drawn, *told = (tf.gather(column, place) for column in held)
        return augment(image(index), params.augmentation, drawn), *told

    return _batches(len(order), example, batch_size=params.batch_size, whole=True)


def validation_batches(cells: Cells, params: TrainParams, *, batch_size: int) -> tf.data.Dataset:
    """Return every cell once, in order; the last batch may be smaller.

    Batches are like those of training, but without augmentation, smoothing and weights.
    """
    goals = targets(cells.labels, label_smoothing=params.label_smoothing, training=False)
    with tf.device("CPU"):
        column = tf.constant(goals)

    image = _images(cells)

    def example(place: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return image(place), tf.gather(column, place)

    return _batches(len(cells.labels), example, batch_size=batch_size, whole=False)


def _images(cells: Cells) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a function from the number of a cell to its image, or to its features."""
    images = cells.images
    if isinstance(images, np.ndarray):
        with tf.device("CPU"):
            held = tf.constant(images)
        return lambda index: tf.gather(held, index)

    def read(index: tf.Tensor) -> tf.Tensor:
        # A function with state would be called for one image after the other.
        image = tf.numpy_function(images.__getitem__, [index], tf.uint8, stateful=False)
        return tf.ensure_shape(image, images.shape[1:])

    return read


def _batches(
    count: int,
    example: Callable[[tf.Tensor], tuple[tf.Tensor, ...]],
    *,
    batch_size: int,
    whole: bool,
) -> tf.data.Dataset:
    """Return batches of `example(place)`, for each place below `count`."""
    options = tf.data.Options()
    # There is nothing to tune, and with autotuning an iterator may take as long to end as it has
    # run: the tuner sleeps longer and longer, and can miss the end (TensorFlow 2.21).
    options.autotune.enabled = False
    # 0 means all cores. The default is the inter-op threads, and deterministic training has only
    # one of them. Order and content do not depend on the number of threads.
    options.threading.private_threadpool_size = 0
    return (
        tf.data.Dataset.range(count)
        .map(example, num_parallel_calls=os.cpu_count(), deterministic=True)
        .batch(batch_size, drop_remainder=whole)
        .prefetch(_PREFETCHED)
        .with_options(options)
    )
