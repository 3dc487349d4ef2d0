"""The batches that training and validation see."""

from __future__ import annotations

import tensorflow as tf

from stages.shards import Cells


def training_batches(
    cells: Cells,
    *,
    batch_size: int,
    epochs: int,
    seed: int,
    horizontal_flip: bool,
    first_step: int = 0,
) -> tf.data.Dataset:
    """Return the batches of all epochs, one after the other, from `first_step` on.

    The order of the cells and their flips are pure functions of (seed, epoch, position). Every
    epoch shows each cell at most once; the rest that fills no batch differs by epoch.

    Returns:
        Batches of (uint8 (batch_size, size, size, 3), int64 (batch_size,)), epochs × (cells //
        batch_size) − first_step of them.
    """
    images, labels = tf.constant(cells.images), tf.constant(cells.labels)
    positions = len(cells.labels) // batch_size * batch_size

    def example(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        epoch, position = step // positions, step % positions
        index = tf.random.experimental.index_shuffle(
            position, seed=tf.stack([seed, epoch]), max_index=len(cells.labels) - 1
        )
        image = tf.gather(images, index)
        if horizontal_flip:
            chance = tf.random.stateless_uniform(
                [], tf.stack([seed + 2**32 * (epoch + 1), position])
            )
            image = tf.cond(chance < 0.5, lambda: tf.reverse(image, [1]), lambda: image)
        return image, tf.gather(labels, index)

    return (
        tf.data.Dataset.range(first_step * batch_size, epochs * positions)
        .map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size, drop_remainder=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def validation_batches(cells: Cells, *, batch_size: int) -> tf.data.Dataset:
    """Return every cell once, in order, the last batch as small as it comes."""
    return (
        tf.data.Dataset.from_tensor_slices((cells.images, cells.labels))
        .batch(batch_size)
        .prefetch(tf.data.AUTOTUNE)
    )
