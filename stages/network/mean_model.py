"""Put several classifiers into one: the mean of their logits. Pure Keras."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

_SMALLEST = float(np.finfo(np.float32).tiny)  # as in predict.py


def mean_model(models: Sequence[keras.Model]) -> keras.Model:
    """Return a model of images to p(HEM) and p(ALL) by the mean of the models' logits.

    The logarithms of a softmax are logits; the softmax of their mean needs no other term.

    Args:
        models: each of images (n, size, size, 3), of one size, to probabilities (n, 2).
    """
    images = keras.Input(models[0].input_shape[1:], name="images")
    logits = []
    for number, model in enumerate(models, 1):
        member = keras.Model(model.inputs[0], model.outputs[0], name=f"member_{number}")
        logits.append(keras.ops.log(keras.ops.maximum(member(images), _SMALLEST)))
    mean = logits[0] if len(logits) == 1 else keras.layers.Average(name="mean_logits")(logits)
    return keras.Model(images, keras.layers.Softmax(name="p")(mean), name="ensemble")
