"""Augmentation of one image: a pure function of (seed, epoch, position)."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from stages.train.params import AugmentationParams

# Optical density, for red, green and blue, of a unit of haematoxylin, eosin and DAB (Ruifrok and
# Johnston 2001, Anal Quant Cytol Histol 23:291).
_DENSITY_OF_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])


def augment(image: tf.Tensor, params: AugmentationParams, drawn: tf.Tensor) -> tf.Tensor:
    """Augment an image as `params` says, with its random numbers from `uniform_numbers`.

    Each augmentation has its own random numbers: switching one on does not change the others.
    Pixels that are 0 in all channels are background. Flips and quarter turns move pixels but do not
    change them. Rotation blends neighbouring pixels, so the rim of a cell darkens and spreads by
    less than a pixel. Brightness and stain keep the background at 0 and other pixels in 1…255.

    Args:
        image: uint8 (size, size, 3), RGB.
        params: which augmentations, and how strong.
        drawn: random numbers, float32 (NUMBERS_PER_IMAGE,), in [0, 1).

    Returns:
        uint8 (size, size, 3).
    """
    flip_x, flip_y, turn, angle, brightness, *stains = tf.unstack(drawn)
    if params.horizontal_flip:
        image = tf.cond(flip_x < 0.5, lambda: tf.reverse(image, [1]), lambda: image)
    if params.vertical_flip:
        image = tf.cond(flip_y < 0.5, lambda: tf.reverse(image, [0]), lambda: image)
    if params.quarter_turns:
        image = tf.image.rot90(image, tf.cast(4 * turn, tf.int32))
    if params.rotation_degrees:
        image = rotated(image, params.rotation_degrees * (2 * angle - 1))
    if params.brightness or params.stain:
        factor = 1 + params.brightness * (2 * brightness - 1)
        changes = params.stain * (2 * tf.stack(stains) - 1)
        image = recoloured(image, brightness=factor, factors=1 + changes[:3], shifts=changes[3:])
    return image


def rotated(image: tf.Tensor, degrees: tf.Tensor) -> tf.Tensor:
    """Rotate an image counter-clockwise about its centre, bilinearly, with black fill.

    Args:
        image: uint8 (size, size, 3).
        degrees: float32 scalar.

    Returns:
        uint8 (size, size, 3), rounded.
    """
    angle = degrees * (math.pi / 180)
    cos, sin = tf.cos(angle), tf.sin(angle)
    centre = (image.shape[0] - 1) / 2
    # Maps each position in the result to its position in `image`; x points right, y down.
    x_row = [cos, -sin, centre * (1 - cos + sin)]
    y_row = [sin, cos, centre * (1 - cos - sin)]
    turned = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image, tf.float32)[tf.newaxis],  # with uint8 it would truncate the fractions
        transforms=tf.stack([*x_row, *y_row, 0.0, 0.0])[tf.newaxis],
        output_shape=image.shape[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )[0]
    return tf.cast(tf.round(turned), tf.uint8)


def recoloured(
    image: tf.Tensor, *, brightness: tf.Tensor, factors: tf.Tensor, shifts: tf.Tensor
) -> tf.Tensor:
    """Change the amount of each stain and the brightness in the foreground.

    The amount c of each stain, an optical density in natural logarithms, becomes factor × c +
    shift, as in Tellez et al. 2019 (Med Image Anal 58:101544). Their light variant has ±0.05, their
    strong variant ±0.2.

    Args:
        image: uint8 (size, size, 3).
        brightness: factor for the pixel values, float32 scalar.
        factors: float32 (3,), for haematoxylin, eosin and DAB.
        shifts: float32 (3,), for the same stains.

    Returns:
        uint8 (size, size, 3): 0 where the image is 0 in all channels, elsewhere 1…255, rounded.
    """
    stains = tf.constant(_DENSITY_OF_STAINS, tf.float32)
    unmixing = tf.constant(np.linalg.inv(_DENSITY_OF_STAINS), tf.float32)
    mixing = tf.matmul(unmixing, factors[:, tf.newaxis] * stains)
    shift = tf.linalg.matvec(stains, shifts, transpose_a=True)
    light = tf.maximum(tf.cast(image, tf.float32), 1) / 255
    changed = brightness * 255 * tf.exp(tf.tensordot(tf.math.log(light), mixing, 1) - shift)
    foreground = tf.reduce_any(image > 0, axis=-1, keepdims=True)
    return tf.where(foreground, tf.cast(tf.round(tf.clip_by_value(changed, 1, 255)), tf.uint8), 0)
