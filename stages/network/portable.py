"""The network's arithmetic with the same bits on every x86-64 processor. Imports TensorFlow.

Processors of unlike makers round one kind of operation unlike: the approximations that 1/x and 1/√x
begin with (RCPPS and RSQRTPS in Intel's manuals; each maker has its own table). TensorFlow uses
them in batch norm, in softmax and in the gradient of the logarithm. Division and square root
themselves are exact in IEEE 754, so here each of the three is written with these alone:

| operation | formula |
| --- | --- |
| 1/√v | √v / v |
| softmax | e^(x − max x) / Σ e^(x − max x) |
| gradient of log x | upstream / x |

Two more are written anew because TensorFlow's are slow without oneDNN's rewriting. A convolution of
1 × 1 pixels is a product of matrices here: its gradients are computed image by image there. The
gradient of x·sigmoid(x) takes the sigmoid that is there already.

What else depends on the machine is settled elsewhere: instruction sets and rewritten graphs in
`stages/common/portable_environment.py`, the blocks of products in `cache_sizes.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from stages.network.cache_sizes import set_cache_sizes


def compute_deterministically(*, threads: int) -> None:
    """Make operations give the same bits each time. Call it before any operation.

    Args:
        threads: threads inside of an operation, on a CPU. Sums are divided among them, so the bits
            depend on their number. On fewer cores they take turns.
    """
    # As Keras has them; a user's keras.json may have others.
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    set_cache_sizes()
    tf.config.experimental.enable_op_determinism()
    # That is not enough on a CPU: with parallel operations, about one run in two on a busy machine
    # gave other bits (TensorFlow 2.21).
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(threads)


def make_portable(network: keras.Model) -> None:
    """Make a network compute with these formulas, on one CPU, until `make_ordinary`.

    Inference, training and gradients change in their last bits. The layers and what a file stores
    of them stay those of Keras, except for activations, which `make_ordinary` restores.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.call = functools.partial(_batch_norm, layer)
        if _is_pointwise(layer):
            layer.convolution_op = _pointwise
        activation = getattr(layer, "activation", None)
        if activation in _ACTIVATIONS:
            layer.activation = _ACTIVATIONS[activation]


def make_ordinary(network: keras.Model) -> None:
    """Give the network the formulas of Keras again: call it before the network is written."""
    theirs = {ours: activation for activation, ours in _ACTIVATIONS.items()}
    for layer in network.layers:
        for replaced in ("call", "convolution_op"):
            vars(layer).pop(replaced, None)
        activation = getattr(layer, "activation", None)
        if activation in theirs:
            layer.activation = theirs[activation]


def softmax(logits: Any) -> Any:
    """Return probabilities, float32 like the logits, (cells, classes)."""
    powers = tf.exp(logits - tf.reduce_max(logits, -1, keepdims=True))
    probabilities = powers / tf.reduce_sum(powers, -1, keepdims=True)
    # Keras' own softmax leaves this mark, too: the loss then starts from the logits.
    probabilities._keras_logits = logits
    return probabilities


@tf.custom_gradient  # type: ignore[untyped-decorator]
def silu(values: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return values × sigmoid(values), float32 (Ramachandran et al. 2017, arXiv 1710.05941)."""
    share = tf.sigmoid(values)
    outputs = values * share
    return outputs, lambda upstream: upstream * (share + outputs * (1.0 - share))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def log(values: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the natural logarithm of positive float32 values."""
    return tf.math.log(values), lambda upstream: upstream / values


_ACTIVATIONS = {keras.activations.softmax: softmax, keras.activations.silu: silu}


def _inverse_root(values: Any) -> Any:
    return tf.sqrt(values) / values


def _batch_norm(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:  # noqa: ARG001
    """Compute `BatchNormalization.call` (Ioffe and Szegedy 2015, arXiv 1502.03167)."""
    gamma, beta = (tf.convert_to_tensor(weight) for weight in (layer.gamma, layer.beta))
    if training and layer.trainable:
        outputs, mean, variance = _by_batch(layer.epsilon)(inputs, gamma, beta)
        for moving, of_batch in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            moving.assign(moving * layer.momentum + of_batch * (1.0 - layer.momentum))
        return outputs
    mean, variance = (
        tf.convert_to_tensor(moving) for moving in (layer.moving_mean, layer.moving_variance)
    )
    scale = gamma * _inverse_root(variance + layer.epsilon)
    return inputs * scale + (beta - mean * scale)


def _is_pointwise(layer: Any) -> bool:
    return (
        type(layer) is keras.layers.Conv2D
        and layer.kernel_size == layer.strides == layer.dilation_rate == (1, 1)
        and layer.groups == 1
    )


def _pointwise(inputs: Any, kernel: Any) -> Any:
    """Compute `Conv2D.convolution_op` of a kernel (1, 1, channels, filters)."""
    *_, channels, filters = kernel.shape
    pixels = tf.reshape(inputs, [-1, channels])
    products = tf.matmul(pixels, tf.reshape(kernel, [channels, filters]))
    return tf.reshape(products, [-1, *inputs.shape[1:-1], filters])


@functools.cache
def _by_batch(epsilon: float) -> Callable[[Any, Any, Any], tuple[Any, Any, Any]]:
    """Return the normalisation by the statistics of a batch, with its gradient in closed form.

    TensorFlow's gradient of the single operations would read and write a whole map twice as often.
    No gradient flows through the returned mean and variance.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def normalise(inputs: Any, gamma: Any, beta: Any) -> Any:
        axes = list(range(inputs.shape.rank - 1))
        mean = tf.reduce_mean(inputs, axes)
        variance = tf.reduce_mean(tf.math.squared_difference(inputs, mean), axes)
        inverse = _inverse_root(variance + epsilon)
        scale = gamma * inverse

        def gradient(upstream: Any, *_: Any) -> tuple[Any, Any, Any]:
            count = tf.cast(tf.size(inputs), inputs.dtype) / inputs.shape[-1]
            of_beta = tf.reduce_sum(upstream, axes)
            of_gamma = tf.reduce_sum(upstream * (inputs - mean), axes) * inverse
            slope = -scale * inverse * of_gamma / count
            offset = -scale * of_beta / count - slope * mean
            return upstream * scale + (inputs * slope + offset), of_gamma, of_beta

        return (inputs * scale + (beta - mean * scale), mean, variance), gradient

    normalisation: Callable[[Any, Any, Any], tuple[Any, Any, Any]] = normalise
    return normalisation
