"""Keep the kernels of a model's convolutions in 16 bits: half the bytes, nearly the same answers.

They are whole numbers with a scale for each output channel. float16 has as many bytes and ten times
the error: it spends 5 bits on an exponent, and a kernel's weights are of one size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_LARGEST = np.iinfo(np.int16).max
_FEWEST = 1024
"""Values of a kernel that is worth it."""

Values = np.ndarray[Any, Any]


def with_short_kernels(content: bytes) -> bytes:
    """Return the model with large kernels as int16, and what makes them float32 before their use.

    All is computed in float32 as before. ONNX Runtime scales once, when it loads the model.
    """
    model = onnx.load_model_from_string(content)
    graph = model.graph
    kernels = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    nodes, scales = [], []
    for weights in graph.initializer:
        name, values = weights.name, numpy_helper.to_array(weights)
        if name in kernels and values.dtype == np.float32 and values.size >= _FEWEST:
            short, scale = _short(values)
            weights.CopyFrom(numpy_helper.from_array(short, f"{name}/short"))
            scales.append(numpy_helper.from_array(scale, f"{name}/scale"))
            nodes += _widening(name)
    graph.initializer.extend(scales)
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
    made: bytes = model.SerializeToString(deterministic=True)
    return made


def _short(values: Values) -> tuple[Values, Values]:
    """Return a kernel as int16, and what each output channel, the first axis, is multiplied by."""
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
    scale = np.where(largest > 0, largest / _LARGEST, 1).astype(np.float32)
    return np.rint(values / scale).astype(np.int16), scale


def _widening(name: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Cast", [f"{name}/short"], [f"{name}/float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}/float", f"{name}/scale"], [name]),
    ]
