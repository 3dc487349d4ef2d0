"""Build an ONNX graph one operation at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 18
IR_VERSION = 10
"""What ONNX Runtime and ONNX Runtime Web of 2024 and later read."""

Shape = Sequence[str | int]


class GraphBuilder:
    """An ONNX graph that grows by operations; a tensor is known by its name."""

    def __init__(self, prefix: str) -> None:
        """Begin a graph; `prefix` keeps its names apart from those of other graphs."""
        self._prefix = prefix
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(
        self, operation: str, *inputs: str, output: str | None = None, **attributes: Any
    ) -> str:
        """Add an operation with one output, and return the output's name."""
        name = output or f"{self._prefix}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, inputs, [name], **attributes))
        return name

    def top_values(self, tensor: str, count: int) -> str:
        """Return the largest values along the last axis, the largest first."""
        values = f"{self._prefix}_{len(self._nodes)}"
        inputs = [tensor, self.constant([count], np.int64)]
        self._nodes.append(helper.make_node("TopK", inputs, [values, f"{values}_places"]))
        return values

    def constant(self, value: Any, dtype: Any) -> str:
        """Add a constant, and return its name."""
        name = f"{self._prefix}_constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def cast(self, tensor: str, dtype: Any) -> str:
        """Convert a tensor to another type."""
        return self.add("Cast", tensor, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def model(
        self, inputs: Sequence[tuple[str, Any, Shape]], outputs: Sequence[tuple[str, Any, Shape]]
    ) -> onnx.ModelProto:
        """Return the graph as a model; inputs and outputs are name, dtype and shape."""
        graph = helper.make_graph(
            self._nodes, self._prefix, _described(inputs), _described(outputs), self._constants
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def _described(tensors: Sequence[tuple[str, Any, Shape]]) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape)
        )
        for name, dtype, shape in tensors
    ]
