"""The batches of training and validation."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from stages.common.errors import StageError
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
    columns = [uniform_numbers(positions, seed=seed, epoch=epoch)[left], goals[order]]
    columns += [] if weights is None else [weights[order]]
    with tf.device("CPU"):  # tf.data runs there; GPU memory is for the model
        held = [tf.constant(column) for column in columns]
        cell_at = tf.constant(order)

    def read(places: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _read(cells, tf.gather(cell_at, places)), places

    def example(image: tf.Tensor, place: tf.Tensor) -> tuple[tf.Tensor, ...]:
        drawn, *told = (tf.gather(column, place) for column in held)
        return augment(image, params.augmentation, drawn), *told

    size = params.batch_size
    examples = _mapped(_places(len(order), size, whole=True), read).unbatch()
    batches = _mapped(examples, example).batch(size, drop_remainder=True)
    return _ready(batches.apply(tf.data.experimental.assert_cardinality(len(order) // size)))


def validation_batches(cells: Cells, params: TrainParams, *, batch_size: int) -> tf.data.Dataset:
    """Return every cell once, in order; the last batch may be smaller.

    Batches are like those of training, but without augmentation, smoothing and weights.
    """
    goals = targets(cells.labels, label_smoothing=params.label_smoothing, training=False)
    with tf.device("CPU"):
        column = tf.constant(goals)

    def batch(places: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _read(cells, places), tf.gather(column, places)

    return _ready(_mapped(_places(len(cells.labels), batch_size, whole=False), batch))


def _places(count: int, batch_size: int, *, whole: bool) -> tf.data.Dataset:
    """Return the numbers below `count` in batches; if `whole`, without a smaller last one."""
    return tf.data.Dataset.range(count).batch(batch_size, drop_remainder=whole)


def _read(cells: Cells, numbers: tf.Tensor) -> tf.Tensor:
    """Return the images, or the features, of the cells with these numbers."""
    images = cells.images
    kind = tf.uint8 if len(images.shape) == 4 else tf.float32

    def read(wanted: Any) -> Any:
        try:
            return images[wanted]
        except StageError:  # which `images.failure` keeps: of an error TensorFlow logs a traceback
            return np.empty(0, kind.as_numpy_dtype)  # and this shape ends the epoch

    # A function with state would be called for one batch after the other.
    found = tf.numpy_function(read, [numbers], kind, stateful=False)
    return tf.ensure_shape(found, (numbers.shape[0], *images.shape[1:]))


def _mapped(dataset: tf.data.Dataset, function: Callable[..., Any]) -> tf.data.Dataset:
    return dataset.map(function, num_parallel_calls=os.cpu_count(), deterministic=True)


def _ready(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Return batches that are made while the network trains on those before."""
    options = tf.data.Options()
    # There is nothing to tune, and with autotuning an iterator may take as long to end as it has
    # run: the tuner sleeps longer and longer, and can miss the end (TensorFlow 2.21).
    options.autotune.enabled = False
    # 0 means all cores. The default is the inter-op threads, and deterministic training has only
    # one of them. Order and content do not depend on the number of threads.
    options.threading.private_threadpool_size = 0
    return batches.prefetch(_PREFETCHED).with_options(options)
