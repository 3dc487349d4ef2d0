from __future__ import annotations

import json
import re

import numpy as np
import onnx
import onnxruntime
import pytest
from scipy.special import expit, logit

from stages.common.errors import StageError
from stages.export.answer_graph import CALIBRATED, P_ALL, answer_graph
from stages.export.fit_graph import FitChoices
from stages.export.model_file import described, joined
from stages.export.parity import Answer, largest_difference
from stages.export.self_description import self_description
from tests.conftest import ROOT

RESULTS = {
    "data": "synthetic",
    "threshold": 0.5,
    "operating_threshold": 0.4,
    "target_sensitivity": 0.95,
    "temperature": 0.8,
    "test": {"cells": 3, "accuracy": 1.0, "brier": 0.1},
    "zurich": {"cells": 2, "accuracy": 0.5},
}


def answered(p_all: list[float], temperature: float | None) -> list[np.ndarray]:
    content = answer_graph(temperature).SerializeToString()
    p = np.array([[1 - one, one] for one in p_all], np.float32)
    return onnxruntime.InferenceSession(content).run([P_ALL, CALIBRATED], {"probabilities": p})


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_p_all_is_calibrated_with_the_temperature(temperature: float) -> None:
    given = [0.1, 0.5, 0.9, 0.999]
    p_all, calibrated = answered(given, temperature)
    assert p_all == pytest.approx(given, abs=1e-6)
    assert calibrated == pytest.approx(expit(logit(np.array(given)) / temperature), abs=1e-5)


def test_certainty_stays_a_number() -> None:
    _, calibrated = answered([0.0, 1.0], 0.5)
    assert calibrated.tolist() == pytest.approx([0, 1], abs=1e-6)


def test_without_a_temperature_nothing_is_changed() -> None:
    p_all, calibrated = answered([0.2, 0.7], None)
    assert p_all.tolist() == calibrated.tolist()


def test_the_file_says_what_it_is() -> None:
    choices = FitChoices("exact", 320, 48, [0, 0, 0], None)
    told = self_description(RESULTS, choices=choices, sets=["zurich"], model_sha256="ab")
    content = described(joined([answer_graph(0.8)], outputs=[P_ALL, CALIBRATED]), told)
    session = onnxruntime.InferenceSession(content)
    read = json.loads(session.get_modelmeta().custom_metadata_map["classifier"])
    assert read["format"] == 1
    assert read["data"]["synthetic"] is True
    assert [each["value"] for each in read["thresholds"]] == [0.5, 0.4]
    assert read["figures"] == {
        "test": {"cells": 3, "accuracy": 1.0},
        "external": {"zurich": {"cells": 2, "accuracy": 0.5}},
    }
    assert onnx.load_from_string(content).opset_import[0].version == read["opset"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert read["version"] == re.search(r"^version: (.+)$", citation, re.MULTILINE)[1]


@pytest.mark.parametrize(
    ("data", "licence"),
    [
        ("synthetic", "drawn by this project"),
        ("C-NMC 2019, inventory verified", "CC BY 3.0"),
        ("own cells with a table", "as their owner says"),
    ],
)
def test_the_licence_is_that_of_the_data(data: str, licence: str) -> None:
    choices = FitChoices("exact", 320, 48, [0, 0, 0], None)
    told = self_description({**RESULTS, "data": data}, choices=choices, sets=[], model_sha256="ab")
    assert told["data"]["licence"].startswith(licence)


def test_the_same_file_has_the_same_bytes() -> None:
    choices = FitChoices("exact", 320, 48, [0, 0, 0], None)
    told = self_description(RESULTS, choices=choices, sets=[], model_sha256="ab")
    one, other = (described(joined([answer_graph(0.8)], outputs=[P_ALL]), told) for _ in range(2))
    assert one == other


def compared(*pairs: tuple[float, float]) -> float:
    found = [Answer("test", f"{number}.bmp", {}, *pair) for number, pair in enumerate(pairs)]
    return largest_difference(found, [0.5])


def test_the_largest_difference_is_said() -> None:
    assert compared((0.2, 0.2), (0.6, 0.600004)) == pytest.approx(4e-6)


@pytest.mark.parametrize("pair", [(0.2, 0.2001), (0.4999, 0.5002)])
def test_an_answer_that_differs_is_told(pair: tuple[float, float]) -> None:
    with pytest.raises(StageError, match=r"gives p\(ALL\) .* for 1\.bmp"):
        compared((0.7, 0.7), pair)


def test_a_call_at_the_threshold_itself_may_round_to_either_side() -> None:
    assert compared((0.499999, 0.5)) < 1e-5
