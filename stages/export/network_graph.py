"""Write the trained network as an ONNX graph, layer by layer.

The network is an EfficientNet and its head (see stages/network/model.py), so few kinds of layers
occur. Batch norm after a convolution is folded into it, in float64: the same weights give the same
bytes on every machine. (tf2onnx 1.17 gives the same answers and takes 40 s and more for it.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import onnx

from stages.common.errors import StageError
from stages.export.fit_graph import FITTED
from stages.export.graph_builder import GraphBuilder
from stages.network.model import base_layers

PROBABILITIES, FEATURES = "probabilities", "features"
Array = np.ndarray[Any, Any]


def network_graph(network: keras.Model) -> onnx.ModelProto:
    """Return the graph from images as the network sees them to its answer.

    Input `fitted`: uint8 (batch, size, size, 3), RGB. Outputs, float32: `probabilities` (batch, 2),
    p(HEM) and p(ALL); `features` (batch, channels), what the base has pooled.

    Raises:
        StageError: if the network has a layer of an unknown kind.
    """
    graph = _NetworkGraph(network)
    size, channels = network.input_shape[1], base_layers(network)[-1].output.shape[-1]
    return graph.model(
        [(FITTED, np.uint8, ("batch", size, size, 3))],
        [
            (PROBABILITIES, np.float32, ("batch", network.output_shape[-1])),
            (FEATURES, np.float32, ("batch", channels)),
        ],
    )


class _NetworkGraph(GraphBuilder):
    def __init__(self, network: keras.Model) -> None:
        super().__init__("network")
        self._names: dict[str, str] = {}  # of the tensors, by the layer that makes each
        self._readers = _readers(network)
        for layer in network.layers:
            self._add_layer(layer)
        self.add("Identity", self._names[network.layers[-1].name], output=PROBABILITIES)
        self.add("Identity", self._names[base_layers(network)[-1].name], output=FEATURES)

    def _add_layer(self, layer: keras.Layer) -> None:
        write = _WRITERS.get(type(layer).__name__)
        if write is None:
            raise StageError(
                f"layer {layer.name} of the model is a {type(layer).__name__}, and how that is "
                f"written to ONNX is not known; known are {', '.join(sorted(_WRITERS))}"
            )
        if layer.name not in self._names:  # a batch norm folded into a convolution is there
            inputs = [self._names[name] for name in _inputs(layer)]
            self._names[layer.name] = write(self, layer, inputs)

    def input(self, _layer: keras.Layer, _inputs: list[str]) -> str:
        return self.add("Transpose", self.cast(FITTED, np.float32), perm=[0, 3, 1, 2])

    def rescaling(self, layer: keras.Layer, inputs: list[str]) -> str:
        scaled = self.add("Mul", *inputs, self._channels(layer.scale))
        return self.add("Add", scaled, self._channels(layer.offset)) if layer.offset else scaled

    def normalization(self, layer: keras.Layer, inputs: list[str]) -> str:
        deviation = np.maximum(np.sqrt(np.asarray(layer.variance)), keras.backend.epsilon())
        centred = self.add("Sub", *inputs, self._channels(layer.mean))
        return self.add("Div", centred, self._channels(deviation))

    def padding(self, layer: keras.Layer, inputs: list[str]) -> str:
        (top, bottom), (left, right) = layer.padding
        pads = self.constant([0, 0, top, left, 0, 0, bottom, right], np.int64)
        return self.add("Pad", *inputs, pads, self.constant(0, np.float32))

    def convolution(self, layer: keras.Layer, inputs: list[str]) -> str:
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        kernel = np.asarray(layer.kernel, np.float64)
        kernel = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
        kernel = kernel.reshape(-1, 1, *kernel.shape[2:]) if depthwise else kernel
        bias = np.asarray(layer.bias, np.float64) if layer.use_bias else np.zeros(len(kernel))
        if norm := self._norm_after(layer):
            scale, offset = _affine(norm)
            kernel, bias = kernel * scale[:, None, None, None], bias * scale + offset
        given = self.constant(kernel, np.float32), self.constant(bias, np.float32)
        result = self.add(
            "Conv",
            *inputs,
            *given,
            strides=list(layer.strides),
            group=len(kernel) if depthwise else 1,
            auto_pad="SAME_UPPER" if layer.padding == "same" else "VALID",
        )
        if norm:
            self._names[norm.name] = result
        return self._activated(result, layer.activation)

    def batch_norm(self, layer: keras.Layer, inputs: list[str]) -> str:
        scale, offset = _affine(layer)
        scaled = self.add("Mul", *inputs, self.constant(scale, np.float32))
        return self.add("Add", scaled, self.constant(offset, np.float32))

    def activation(self, layer: keras.Layer, inputs: list[str]) -> str:
        (tensor,) = inputs
        return self._activated(tensor, layer.activation)

    def average_pooling(self, layer: keras.Layer, inputs: list[str]) -> str:
        axes = self.constant([2, 3], np.int64)
        return self.add("ReduceMean", *inputs, axes, keepdims=int(layer.keepdims))

    def max_pooling(self, layer: keras.Layer, inputs: list[str]) -> str:
        axes = self.constant([2, 3], np.int64)
        return self.add("ReduceMax", *inputs, axes, keepdims=int(layer.keepdims))

    def reshape(self, layer: keras.Layer, inputs: list[str]) -> str:
        rows, columns, channels = layer.target_shape
        shape = self.constant([-1, channels, rows, columns], np.int64)
        return self.add("Reshape", *inputs, shape)

    def product(self, _layer: keras.Layer, inputs: list[str]) -> str:
        return self.add("Mul", *inputs)

    def total(self, _layer: keras.Layer, inputs: list[str]) -> str:
        return self.add("Add", *inputs)

    def dropout(self, _layer: keras.Layer, inputs: list[str]) -> str:
        (tensor,) = inputs
        return tensor

    def dense(self, layer: keras.Layer, inputs: list[str]) -> str:
        kernel, bias = (self.constant(weights, np.float32) for weights in layer.get_weights())
        return self._activated(self.add("Gemm", *inputs, kernel, bias), layer.activation)

    def _activated(self, tensor: str, activation: Callable[[Any], Any]) -> str:
        name = activation.__name__
        if name == "linear":
            return tensor
        if name == "silu":
            return self.add("Mul", tensor, self.add("Sigmoid", tensor))
        return self.add({"relu": "Relu", "sigmoid": "Sigmoid", "softmax": "Softmax"}[name], tensor)

    def _norm_after(self, layer: keras.Layer) -> keras.Layer | None:
        """Return the batch norm that alone reads a convolution's output."""
        readers = self._readers.get(layer.name, [])
        alone = len(readers) == 1 and isinstance(readers[0], keras.layers.BatchNormalization)
        return readers[0] if alone and layer.activation.__name__ == "linear" else None

    def _channels(self, values: Any) -> str:
        """Return a constant that varies along the channels, if at all."""
        array = np.asarray(values, np.float32).reshape(-1)
        return self.constant(array.reshape(-1, 1, 1) if len(array) > 1 else array[0], np.float32)


_WRITERS: dict[str, Callable[[_NetworkGraph, keras.Layer, list[str]], str]] = {
    "InputLayer": _NetworkGraph.input,
    "Rescaling": _NetworkGraph.rescaling,
    "Normalization": _NetworkGraph.normalization,
    "ZeroPadding2D": _NetworkGraph.padding,
    "Conv2D": _NetworkGraph.convolution,
    "DepthwiseConv2D": _NetworkGraph.convolution,
    "BatchNormalization": _NetworkGraph.batch_norm,
    "Activation": _NetworkGraph.activation,
    "GlobalAveragePooling2D": _NetworkGraph.average_pooling,
    "GlobalMaxPooling2D": _NetworkGraph.max_pooling,
    "Reshape": _NetworkGraph.reshape,
    "Multiply": _NetworkGraph.product,
    "Add": _NetworkGraph.total,
    "Dropout": _NetworkGraph.dropout,
    "Dense": _NetworkGraph.dense,
}


def _inputs(layer: keras.Layer) -> list[str]:
    """Return the names of the layers whose outputs a layer reads."""
    if isinstance(layer, keras.layers.InputLayer):
        return []
    tensors = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in tensors]


def _readers(network: keras.Model) -> dict[str, list[keras.Layer]]:
    """Return which layers read the output of each, by its name."""
    readers: dict[str, list[keras.Layer]] = {}
    for layer in network.layers:
        for name in _inputs(layer):
            readers.setdefault(name, []).append(layer)
    return readers


def _affine(norm: keras.Layer) -> tuple[Array, Array]:
    """Return a batch norm in inference as scale and offset, float64 (channels,)."""
    gamma, beta, mean, variance = (
        np.asarray(weights, np.float64)
        for weights in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    )
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return scale, beta - mean * scale
