"""Build the ONNX graph that notes images unlike the training cells."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from stages.export.familiarity import SPECK_SHARE, UNEVEN, Familiarity, reduction
from stages.export.graph_builder import GraphBuilder

NOTES = (
    ("background", "The background is unlike that of the training images."),
    ("cut_off", "The cell is cut off by the edge of the image."),
    ("several_cells", "There is more than one cell in the image."),
    ("size", "The cell is smaller or larger than the training cells."),
    ("brightness", "The cell is darker or brighter than the training cells."),
    ("unfamiliar", "The image is unlike the training cells."),
)
"""Name and text of each note, in the order of the output `notes`."""


def notes_graph(familiarity: Familiarity, size: int) -> onnx.ModelProto:
    """Return the graph from the fitted image and its features to distance and notes.

    Inputs: `fitted` uint8 (batch, size, size, 3); `features` float32 (batch, features).
    Outputs: `distance` float32 (batch,); `notes` bool (batch, notes). A note that needs a uniform
    background is given only where the training cells have one, and the image, too.
    """
    graph, known = GraphBuilder("notes"), familiarity
    pixels = graph.cast("fitted", np.float32)
    colour, deviation = _background(graph, pixels, size)
    even = graph.add("LessOrEqual", deviation, graph.constant(UNEVEN, np.float32))
    foreground = _foreground(graph, pixels, colour, deviation)
    area, brightness = _area_and_brightness(graph, pixels, foreground, size)
    seen = graph.add("And", even, graph.constant(known.uniform_background, bool))
    border = _above(graph, _border(graph, foreground, size), known.border_limit)
    cells = _above(graph, _cells(graph, foreground, even, size), known.cells_limit)
    strange = graph.add("Or", graph.add("Not", even), _other_colour(graph, colour, known))
    distance = _distance(graph, known)
    found = [
        graph.add("And", strange, graph.constant(known.uniform_background, bool)),
        graph.add("And", border, seen),
        graph.add("And", cells, seen),
        graph.add("And", _out_of(graph, area, known.area), seen),
        graph.add("And", _out_of(graph, brightness, known.brightness), seen),
        _above(graph, distance, known.distance_limit),
    ]
    last = graph.constant([1], np.int64)
    graph.add("Concat", *(graph.add("Unsqueeze", n, last) for n in found), output="notes", axis=1)
    graph.add("Cast", distance, output="distance", to=TensorProto.FLOAT)
    return graph.model(
        [("fitted", np.uint8, ("batch", size, size, 3)),
         ("features", np.float32, ("batch", known.centres.shape[1]))],
        [("distance", np.float32, ("batch",)), ("notes", np.bool_, ("batch", len(NOTES)))],
    )  # fmt: skip


def _reduce(graph: GraphBuilder, operation: str, tensor: str, *axes: int) -> str:
    return graph.add(operation, tensor, graph.constant(axes, np.int64), keepdims=0)


def _above(graph: GraphBuilder, tensor: str, limit: float) -> str:
    wide = graph.cast(tensor, np.float64)
    return graph.add("Greater", wide, graph.constant(limit, np.float64))


def _out_of(graph: GraphBuilder, tensor: str, limits: tuple[float, float]) -> str:
    low = graph.add("Less", tensor, graph.constant(limits[0], np.float64))
    return graph.add("Or", low, _above(graph, tensor, limits[1]))


def _background(graph: GraphBuilder, pixels: str, size: int) -> tuple[str, str]:
    edge = max(1, size // 16)
    ends = [*range(edge), *range(size - edge, size)]
    rows = graph.add("Gather", pixels, graph.constant(ends, np.int64), axis=1)
    square = graph.add("Gather", rows, graph.constant(ends, np.int64), axis=2)
    corners = graph.add("Reshape", square, graph.constant([0, 4 * edge**2, 3], np.int64))
    upper = 4 * edge**2 - 4 * edge**2 // 2
    channels = graph.add("Transpose", corners, perm=[0, 2, 1])
    values = graph.top_values(channels, upper)
    colour = graph.add("Gather", values, graph.constant(upper - 1, np.int64), axis=2)
    middle = graph.add("Unsqueeze", colour, graph.constant([1], np.int64))
    away = graph.add("Abs", graph.add("Sub", corners, middle))
    return colour, _reduce(graph, "ReduceMax", away, 1, 2)


def _foreground(graph: GraphBuilder, pixels: str, colour: str, deviation: str) -> str:
    """Return float32 (batch, size, size): 1 where a channel differs by more than the deviation."""
    middle = graph.add("Unsqueeze", colour, graph.constant([1, 2], np.int64))
    away = _reduce(graph, "ReduceMax", graph.add("Abs", graph.add("Sub", pixels, middle)), 3)
    limit = graph.add("Unsqueeze", deviation, graph.constant([1, 2], np.int64))
    return graph.cast(graph.add("Greater", away, limit), np.float32)


def _area_and_brightness(
    graph: GraphBuilder, pixels: str, foreground: str, size: int
) -> tuple[str, str]:
    count = _reduce(graph, "ReduceSum", graph.cast(foreground, np.float64), 1, 2)
    area = graph.add("Div", count, graph.constant(size**2, np.float64))
    mask = graph.add("Unsqueeze", foreground, graph.constant([3], np.int64))
    chosen = graph.cast(graph.add("Mul", pixels, mask), np.float64)
    total = _reduce(graph, "ReduceSum", chosen, 1, 2, 3)
    most = graph.add("Max", count, graph.constant(1, np.float64))
    values = graph.add("Mul", most, graph.constant(3, np.float64))
    return area, graph.add("Div", total, values)


def _border(graph: GraphBuilder, foreground: str, size: int) -> str:
    shares = [
        graph.add("ReduceMean",
                  graph.add("Gather", graph.cast(foreground, np.float64),
                            graph.constant(at, np.int64), axis=axis),
                  graph.constant([1], np.int64), keepdims=0)
        for axis in (1, 2) for at in (0, size - 1)
    ]  # fmt: skip
    return graph.add("Max", *shares)


def _cells(graph: GraphBuilder, foreground: str, even: str, size: int) -> str:
    """Count the connected pieces: the largest label spreads within each until none changes."""
    factor = reduction(size)
    edge = -(-size // factor)
    some = graph.add("Unsqueeze", graph.cast(even, np.float32), graph.constant([1, 2], np.int64))
    mask = graph.add("Unsqueeze", graph.add("Mul", foreground, some), graph.constant([1], np.int64))
    small = graph.add("MaxPool", mask, kernel_shape=[factor] * 2, strides=[factor] * 2, ceil_mode=1)
    numbers = np.arange(1, edge**2 + 1).reshape(1, 1, edge, edge)
    labels = graph.add("Mul", small, graph.constant(numbers, np.float32))
    steps = graph.constant(edge**2, np.int64)
    spread = graph.add("Loop", steps, graph.constant(True, bool), labels, body=_spread(small))
    places = graph.add("Reshape", graph.cast(spread, np.int64),
                       graph.constant([0, edge**2], np.int64))  # fmt: skip
    padded = graph.add("Pad", graph.add("Mul", graph.cast(places, np.float32),
                                        graph.constant(0, np.float32)),
                       graph.constant([0, 0, 0, 1], np.int64))  # fmt: skip
    ones = graph.add("Add", graph.add("Mul", graph.cast(places, np.float32),
                                      graph.constant(0, np.float32)),
                     graph.constant(1, np.float32))  # fmt: skip
    counts = graph.add("ScatterElements", padded, places, ones, axis=1, reduction="add")
    pieces = graph.add("Slice", counts, graph.constant([1], np.int64),
                       graph.constant([edge**2 + 1], np.int64),
                       graph.constant([1], np.int64))  # fmt: skip
    least = graph.constant(SPECK_SHARE * edge**2, np.float64)
    large = graph.add("GreaterOrEqual", graph.cast(pieces, np.float64), least)
    return _reduce(graph, "ReduceSum", graph.cast(large, np.float64), 1)


def _spread(mask: str) -> onnx.GraphProto:
    nodes = [
        helper.make_node("MaxPool", ["before"], ["grown"], kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Mul", ["grown", mask], ["after"]),
        helper.make_node("Sub", ["after", "before"], ["change"]),
        helper.make_node("ReduceMax", ["change"], ["largest"], keepdims=0),
        helper.make_node("Cast", ["largest"], ["again"], to=TensorProto.BOOL),
    ]
    value = helper.make_tensor_value_info
    return helper.make_graph(
        nodes, "spread",
        [value("step", TensorProto.INT64, []), value("go_on", TensorProto.BOOL, []),
         value("before", TensorProto.FLOAT, None)],
        [value("again", TensorProto.BOOL, []), value("after", TensorProto.FLOAT, None)],
    )  # fmt: skip


def _other_colour(graph: GraphBuilder, colour: str, known: Familiarity) -> str:
    low = graph.add("Less", colour, graph.constant(known.background_low, np.float32))
    high = graph.add("Greater", colour, graph.constant(known.background_high, np.float32))
    outside = graph.cast(graph.add("Or", low, high), np.float32)
    return graph.cast(_reduce(graph, "ReduceMax", outside, 1), np.bool_)


def _distance(graph: GraphBuilder, known: Familiarity) -> str:
    """Return the distances of `familiarity.distances`, float64 (batch,)."""
    wide = graph.add("Unsqueeze", graph.cast("features", np.float64), graph.constant([1], np.int64))
    away = graph.add("Sub", wide, graph.cast(graph.constant(known.centres, np.float32), np.float64))
    directions = graph.cast(graph.constant(known.directions, np.float32), np.float64)
    along = graph.add("MatMul", away, directions)
    precisions = graph.cast(graph.constant(known.precisions, np.float32), np.float64)
    weighted = graph.add("Mul", graph.add("Mul", along, along), precisions)
    whole = _reduce(graph, "ReduceSum", graph.add("Mul", away, away), 2)
    scaled = graph.add("Mul", whole, graph.constant(known.residual_precision, np.float64))
    squares = graph.add("Add", scaled, _reduce(graph, "ReduceSum", weighted, 2))
    least = _reduce(graph, "ReduceMin", squares, 1)
    return graph.add("Sqrt", graph.add("Max", least, graph.constant(0, np.float64)))
