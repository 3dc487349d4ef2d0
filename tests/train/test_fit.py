"""What holds of a fit before its first step; tests of whole fits are in test_main.py."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stages.params import ModelParams
from stages.train.fit import _initial_weights

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("base", ["EfficientNetB0", "EfficientNetB3"])
def test_weights_that_download_has_brought_in_are_used(
    base: str, model_params: ModelParams, tmp_path: Path
) -> None:
    model = replace(model_params, base=base)
    assert _initial_weights(model, tmp_path) is None
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / f"{base.lower()}_notop.h5").touch()
    assert _initial_weights(model, tmp_path) == "imagenet"
    assert _initial_weights(replace(model, base="EfficientNetB7"), tmp_path) is None


@pytest.mark.parametrize(("deterministic", "expected"), [(True, "1 True"), (False, "0 False")])
def test_a_deterministic_fit_runs_no_operations_beside_each_other(
    deterministic: bool, expected: str
) -> None:
    code = (
        "import tensorflow as tf; from stages.train.fit import _prepare_device;"
        "from tensorflow.python.framework.config import is_op_determinism_enabled as enabled;"
        f"_prepare_device(deterministic={deterministic});"
        "print(tf.config.threading.get_inter_op_parallelism_threads(), enabled())"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == expected
