"""A small classifier of random weights, in the form of models/model.onnx."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

EDGE = 48
THRESHOLDS = {"default": 0.5, "operating_point": 0.3}

METADATA: Mapping[str, Any] = {
    "format": 1,
    "project": "leukemia-classification",
    "version": "0.1.0",
    "revision": "git log --oneline --reverse -S 0123456789abcdef0123456789abcdef -- dvc.lock",
    "data": {"name": "synthetic", "synthetic": True, "licence": "none: drawn by this project"},
    "class_names": ["hem", "all"],
    "input": {
        "fit": "crop",
        "crop_size": 320,
        "image_size": EDGE,
        "background": [10, 20, 30],
        "microns_per_pixel": None,
    },
    "temperature": 1.5,
    "thresholds": [
        {"name": "default", "value": 0.5, "promise": "fixed before any result was seen"},
        {
            "name": "operating_point",
            "value": 0.3,
            "promise": "sensitivity of at least 95 % on the validation cells",
        },
    ],
    "notes": [
        {"name": "unlike_training", "text": "unlike the training cells"},
        {"name": "bright", "text": "brighter than 99.9 % of the training cells"},
    ],
    "figures": {
        "test": {
            "cells": 210,
            "subjects": 40,
            "accuracy": 0.9619,
            "roc_auc": 0.99213,
            "sensitivity": 0.95,
            "specificity": 0.971,
            "intervals": {"accuracy": [0.93, 0.98], "roc_auc": [0.985, 0.998]},
        },
        "external": {},
    },
    "opset": 18,
    "versions": {"keras": "3.15.1", "onnx": "1.23.2", "tensorflow": "2.21.0"},
    "hashes": {"model_keras": "md5 of the model", "cells_csv": "md5 of the cells"},
    "disclaimer": "Not a medical device: for research and teaching only.",
}


def small_classifier(seed: int = 1, **changed: Any) -> bytes:
    """Return the bytes of a model; keyword arguments replace entries of its metadata."""
    random = np.random.default_rng(seed)
    metadata = {**METADATA, **changed}
    scaled = metadata["input"]["microns_per_pixel"] is not None
    graph = helper.make_graph(
        _nodes(scaled=scaled),
        "small_classifier",
        [
            helper.make_tensor_value_info(
                "image", TensorProto.UINT8, ["batch", "height", "width", 3]
            ),
            *(_value(name, TensorProto.DOUBLE) for name in ("microns_per_pixel",) if scaled),
        ],
        [
            *(_value(name) for name in ("p_all", "p_all_calibrated", "distance")),
            helper.make_tensor_value_info("notes", TensorProto.BOOL, ["batch", 2]),
        ],
        [numpy_helper.from_array(value, name) for name, value in _weights(random).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {"classifier": json.dumps(metadata)})
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _value(name: str, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, ["batch"])


def _weights(random: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    return {
        "to_one": np.array(1 / 255, np.float32),
        "size": np.array([EDGE, EDGE], np.int64),
        "kernel": random.normal(0, 0.3, (32, 3, 9, 9)).astype(np.float32),
        "kernel_bias": random.normal(0, 0.1, 32).astype(np.float32),
        "dense": random.normal(0, 0.3, (32, 1)).astype(np.float32),
        "dense_bias": np.array([-0.4], np.float32),
        "temperature": np.array(METADATA["temperature"], np.float32),
        "last": np.array([-1], np.int64),
        "all_but_first": np.array([1, 2, 3], np.int64),
        "far": np.array(0.55, np.float32),
        "light": np.array(0.8, np.float32),
        "column": np.array([-1, 1], np.int64),
    }


def _nodes(*, scaled: bool) -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        node("Transpose", ["pixels"], ["channels_first"], perm=[0, 3, 1, 2]),
        node("Mul", ["channels_first", "to_one"], ["scaled"]),
        node("Resize", ["scaled", "", "", "size"], ["small"], mode="linear", axes=[2, 3]),
        node("Conv", ["small", "kernel", "kernel_bias"], ["maps"], strides=[4, 4]),
        node("Relu", ["maps"], ["positive"]),
        node("GlobalAveragePool", ["positive"], ["averages"]),
        node("Flatten", ["averages"], ["features"]),
        node("Gemm", ["features", "dense", "dense_bias"], ["logits"]),
        node("Reshape", ["logits", "last"], ["logit"]),
        node("Sigmoid", ["logit"], ["p_all"]),
        node("Div", ["logit", "temperature"], ["cooled"]),
        node("Sigmoid", ["cooled"], ["p_all_calibrated"]),
        node("ReduceMean", ["scaled", "all_but_first"], ["brightness"], keepdims=0),
        *(_scaled() if scaled else [node("Identity", ["brightness"], ["distance"])]),
        node("Greater", ["distance", "far"], ["is_far"]),
        node("Greater", ["distance", "light"], ["is_light"]),
        node("Reshape", ["is_far", "column"], ["far_column"]),
        node("Reshape", ["is_light", "column"], ["light_column"]),
        node("Concat", ["far_column", "light_column"], ["notes"], axis=1),
    ]


def _scaled() -> list[onnx.NodeProto]:
    """A distance that grows with the scale."""
    return [
        helper.make_node("Cast", ["microns_per_pixel"], ["microns"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["brightness", "microns"], ["distance"]),
    ]
