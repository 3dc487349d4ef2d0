"""Keep the kernels of a model's convolutions in 16 bits: half the bytes, the same answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_FEWEST = 1024
"""Values of a kernel that is worth it: those of depthwise convolutions are few, and matter."""


def with_half_weights(content: bytes) -> bytes:
    """Return the model with large kernels as float16, and a cast to float32 before their use.

    All is computed in float32 as before; ONNX Runtime casts once, when it loads the model.
    """
    model = onnx.load_model_from_string(content)
    graph = model.graph
    kernels = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    casts = []
    for weights in graph.initializer:
        values = numpy_helper.to_array(weights)
        if weights.name in kernels and _is_worth_it(values):
            name = weights.name
            rounded = values.astype(np.float16)
            weights.CopyFrom(numpy_helper.from_array(rounded, f"{name}/half"))
            casts.append(helper.make_node("Cast", [f"{name}/half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    half: bytes = model.SerializeToString(deterministic=True)
    return half


def _is_worth_it(values: np.ndarray[Any, Any]) -> bool:
    small = np.finfo(np.float16).max
    return values.dtype == np.float32 and values.size >= _FEWEST and np.abs(values).max() < small
