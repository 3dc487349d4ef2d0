"""Build the ONNX graph from the network's probabilities to the answer."""

from __future__ import annotations

import numpy as np
import onnx

from stages.dataset.classes import CLASS_NAMES
from stages.export.graph_builder import GraphBuilder
from stages.export.network_graph import PROBABILITIES

P_ALL, CALIBRATED = "p_all", "p_all_calibrated"

_SMALLEST = float(np.finfo(np.float32).tiny)  # below it, a float32 softmax gives 0


def answer_graph(temperature: float | None) -> onnx.ModelProto:
    """Return the graph from probabilities to p(ALL), as given and calibrated.

    Input `probabilities`: float32 (batch, 2), p(HEM) and p(ALL). Outputs, float32 (batch,):
    `p_all`; `p_all_calibrated`, the logistic function of the logit divided by the temperature
    (Guo et al. 2017, arXiv 1706.04599), or p(ALL) again where there is no temperature.
    """
    graph = GraphBuilder("answer")
    p = {
        name: graph.add("Gather", PROBABILITIES, graph.constant(column, np.int64), axis=1)
        for column, name in enumerate(CLASS_NAMES)
    }
    graph.add("Identity", p["all"], output=P_ALL)
    if temperature is None:
        graph.add("Identity", p["all"], output=CALIBRATED)
    else:
        smallest = graph.constant(_SMALLEST, np.float64)
        logs = [
            graph.add("Log", graph.add("Max", graph.cast(p[name], np.float64), smallest))
            for name in ("all", "hem")
        ]
        logit = graph.add("Sub", *logs)
        softened = graph.add("Div", logit, graph.constant(temperature, np.float64))
        graph.add(
            "Identity", graph.cast(graph.add("Sigmoid", softened), np.float32), output=CALIBRATED
        )
    return graph.model(
        [(PROBABILITIES, np.float32, ("batch", len(CLASS_NAMES)))],
        [
            (P_ALL, np.float32, ("batch",)),
            (CALIBRATED, np.float32, ("batch",)),
        ],
    )
