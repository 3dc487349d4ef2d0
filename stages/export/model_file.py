"""Join the graphs into one model, and say in it what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import helper

from stages.export.graph_builder import IR_VERSION, OPSET

FORMAT = 1
"""Of the metadata. A reader refuses a higher number."""

METADATA_KEY = "classifier"


def joined(graphs: Sequence[onnx.ModelProto], *, outputs: Sequence[str]) -> onnx.ModelProto:
    """Return one model of graphs that read each other's outputs by their names.

    Args:
        graphs: in the order of the data. An input that no graph before gives is the model's.
        outputs: which outputs of the graphs are the model's.
    """
    inputs: dict[str, onnx.ValueInfoProto] = {}
    given: dict[str, onnx.ValueInfoProto] = {}
    for each in graphs:
        for value in each.graph.input:
            if value.name not in given:
                inputs[value.name] = value
        given |= {value.name: value for value in each.graph.output}
    graph = helper.make_graph(
        [node for each in graphs for node in each.graph.node],
        "classifier",
        list(inputs.values()),
        [given[name] for name in outputs],
        [constant for each in graphs for constant in each.graph.initializer],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def described(model: onnx.ModelProto, metadata: Mapping[str, Any]) -> bytes:
    """Return the bytes of a model with its metadata; the same model and metadata give the same."""
    text = json.dumps({"format": FORMAT, **metadata}, ensure_ascii=False, sort_keys=True)
    helper.set_model_props(model, {METADATA_KEY: text})
    content: bytes = model.SerializeToString(deterministic=True)
    return content
