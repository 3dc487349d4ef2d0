"""A tiny model file as stages/export makes it: p(ALL) is a logistic function of the brightness.

Its notes: `bright` for a mean over 200, `left` where the left half is brighter than the right one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

METADATA: Mapping[str, Any] = {
    "format": 1,
    "class_names": ["hem", "all"],
    "data": {"name": "synthetic", "synthetic": True, "licence": "none"},
    "input": {
        "fit": "exact",
        "crop_size": 8,
        "image_size": 8,
        "background": [0, 0, 0],
        "microns_per_pixel": None,
    },
    "temperature": 2.0,
    "thresholds": [
        {"name": "default", "value": 0.5, "promise": "none"},
        {"name": "operating_point", "value": 0.25, "promise": "sensitivity 0.95 on validation"},
    ],
    "notes": [
        {"name": "bright", "text": "brighter than the training cells"},
        {"name": "left", "text": "lies to the left"},
    ],
    "disclaimer": "Research software and no medical device.",
}

_GRAPH = """
<ir_version: 9, opset_import: ["" : 18]>
stand_in (uint8[batch, height, width, 3] image{more_inputs}) =>
    (float[batch] p_all, float[batch] p_all_calibrated, float[batch] distance,
     bool[batch, notes] notes)
<float middle = {{100.0}}, float slope = {{0.05}}, float half = {{0.5}}, float high = {{200.0}},
 int64[3] all_axes = {{1, 2, 3}}, int64[1] last = {{1}}, int64 two = {{2}}, int64[1] zero = {{0}},
 int64[1] end = {{1000000}}, int64[1] across = {{2}}>
{{
    values = Cast <to = 1> (image)
    brightness = ReduceMean <keepdims = 0> (values, all_axes)
    above = Sub (brightness, middle)
    logit = Mul (above, slope)
    p_all = Sigmoid (logit)
    softer = Mul (logit, half)
    p_all_calibrated = Sigmoid (softer)
    distance = Abs (above)
    bright = Greater (brightness, high)
    shape = Shape <start = 2, end = 3> (image)
    centre = Div (shape, two)
    left = Slice (values, zero, centre, across)
    right = Slice (values, centre, end, across)
    left_mean = ReduceMean <keepdims = 0> (left, all_axes)
    right_mean = ReduceMean <keepdims = 0> (right, all_axes)
    is_left = Greater (left_mean, right_mean)
    bright_column = Unsqueeze (bright, last)
    left_column = Unsqueeze (is_left, last)
    notes = Concat <axis = 1> (bright_column, left_column)
}}
"""


def write_stand_in(path: Path, metadata: Mapping[str, Any] | None = METADATA) -> Path:
    """Write the model file; without metadata if None."""
    import onnx

    scaled = metadata is not None and metadata["input"]["microns_per_pixel"] is not None
    more = ", float[batch] microns_per_pixel" if scaled else ""
    model = onnx.parser.parse_model(_GRAPH.format(more_inputs=more))
    if metadata is not None:
        onnx.helper.set_model_props(model, {"classifier": json.dumps(metadata)})
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def expected_p_all(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> float:
    """The stand-in's p(ALL) of an image."""
    return float(1 / (1 + np.exp(-0.05 * (pixels.astype(float).mean() - 100))))
