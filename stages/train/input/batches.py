"""The batches that training and validation see."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from stages.dataset.image_buffer import ALIGNMENT
from stages.dataset.shard_reader import Cells
from stages.train.input.augmentation import augment
from stages.train.input.random_numbers import uniform_numbers
from stages.train.input.sampling import epoch_order
from stages.train.params import TrainParams
from stages.train.steps.loss import cell_weights, targets

_PREFETCHED = 2  # batches: one is used, one is ready, and one is made


def training_batches(
    cells: Cells, params: TrainParams, *, seed: int, first_step: int = 0
) -> tf.data.Dataset:
    """Return what is left of an epoch's batches from step `first_step` on.

    Which cell stands at a position, and how it is augmented, are pure functions of (seed, epoch,
    position): from any step on come the very batches of a run from the first step.

    Args:
        cells: the training cells, at least a batch of them; their memory is shared.
        params: of them batch_size, augmentation, sampling, class_weights and label_smoothing.
        seed: below 2³¹.
        first_step: counted over all epochs, each of cells // batch_size steps.

    Returns:
        Batches of (images as the cells hold them, targets as in steps/loss.py) and, with
        class weights, float32 (batch_size,).

    Raises:
        StageError: as `epoch_order` and `cell_weights` do.
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
    with tf.device("CPU"):  # where tf.data works, and a GPU's memory is for the model
        held = [tf.constant(column) for column in columns]

    def example(images: tf.Tensor, place: tf.Tensor) -> tuple[tf.Tensor, ...]:
        index, drawn, *told = (tf.gather(column, place) for column in held)
        return augment(tf.gather(images, index), params.augmentation, drawn), *told

    places = tf.data.Dataset.range(len(order))
    return _batches(cells, places, example, batch_size=params.batch_size, whole=True)


def validation_batches(cells: Cells, params: TrainParams, *, batch_size: int) -> tf.data.Dataset:
    """Return every cell once, in order, the last batch as small as it comes.

    Batches are as those of training, of another size, without augmentation, smoothing and weights.
    """
    goals = targets(cells.labels, label_smoothing=params.label_smoothing, training=False)
    with tf.device("CPU"):
        column = tf.constant(goals)

    def example(images: tf.Tensor, place: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tf.gather(images, place), tf.gather(column, place)

    places = tf.data.Dataset.range(len(cells.labels))
    return _batches(cells, places, example, batch_size=batch_size, whole=False)


def _batches(
    cells: Cells,
    places: tf.data.Dataset,
    example: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]],
    *,
    batch_size: int,
    whole: bool,
) -> tf.data.Dataset:
    """Return batches of `example(images, place)`, with the images in memory once.

    A tensor that the function of a dataset captures is copied for each iterator, as TensorFlow
    rewrites the graph (2.21; with determinism always). A variable is not: the outer dataset,
    which has one element, reads it, and the inner one, which does the work, is not rewritten.
    """
    with tf.device("CPU"):
        held = tf.Variable(_shared(cells.images), trainable=False)

    def batches(_: tf.Tensor) -> tf.data.Dataset:
        images = held.read_value()
        return (
            places.map(
                lambda place: example(images, place),
                num_parallel_calls=os.cpu_count(),
                deterministic=True,
            )
            .batch(batch_size, drop_remainder=whole)
            .prefetch(_PREFETCHED)
        )

    options = tf.data.Options()
    # Nothing is left to tune, and an iterator that is tuned may take as long to end as it has
    # lived: its tuner sleeps for ever longer, and can miss that it is over (TensorFlow 2.21).
    options.autotune.enabled = False
    # All cores: it would have to do with the threads that run operations beside each other, which
    # are one where training is deterministic. Order and content are the same with any number.
    options.threading.private_threadpool_size = 0
    count = int(places.cardinality())
    number = count // batch_size if whole else -(-count // batch_size)
    return (
        tf.data.Dataset.range(1)
        .flat_map(batches)
        .apply(tf.data.experimental.assert_cardinality(number))
        .with_options(options)
    )


def _shared(array: np.ndarray[Any, Any]) -> tf.Tensor:
    """Return a tensor in the memory of an array; `tf.constant` would copy it, for a while twice.

    TensorFlow ends the process over memory that is not aligned, and DLPack does not take what
    cannot be written to: such an array is copied.
    """
    if array.ctypes.data % ALIGNMENT or not array.flags.carray:
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
