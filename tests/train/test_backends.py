"""Network, policy and steps are pure Keras: they run on other backends than TensorFlow, too.

The head on a frozen base and fine-tuning train with TensorFlow alone; they import no backend.
"""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.integration

MODULES = {
    path.stem: path
    for room in ("network", "train")
    for path in sorted((ROOT / "stages" / room).rglob("*.py"))
    if not path.name.startswith("__")
}
MARKED = {name for name, path in MODULES.items() if "Pure Keras" in path.read_text()}
PURE = MARKED | {"initial_weights", "learning_rate_policy", "loss", "params"}
FUSED = {"fused_update"}
"""TensorFlow's own operations for Keras' formulas, which SGD does without."""
PROGRAM = """
import json, sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from stages.train.params import TrainParams
from stages.common.params_file import load_params
from stages.train.steps.compilation import compile_network
from stages.train.steps.loss import targets
from stages.network.model import build_model
from stages.train.steps.optimizer import ScheduledRate, StepSchedule, averaged_weights
from stages.train.learning_rate_policy import PlateauPolicy
from stages.train.steps.batch_norm_reestimation import Reestimate
from stages.train.state.variables import reset_seeds
from tests.small_base import small_base
from tests.train.networks import TWO_BLOCKS, random_cells, small_network

params = load_params(Path("params.yaml"))
settings = replace(params.section(TrainParams), optimizer="SGD", learning_rate=0.02,
                   ema_decay=0.5, accumulate_batches=2, warmup_steps=3)
network = small_network(blocks=TWO_BLOCKS)
compile_network(network, settings, precision="float32", on_gpu=False)
policy = PlateauPolicy(replace(settings.policy, patience=1), learning_rate=0.02)
policy.set_model(network)
images, labels = random_cells(32)
goals = targets(labels, label_smoothing=0.0, training=True)
losses = []
for epoch in range(8):
    if policy.state.stop:
        break
    policy.on_epoch_begin(epoch)
    reset_seeds(network.variables, seed=1, epoch=epoch)
    schedule = StepSchedule(3, 2, 32)
    warm_up = ScheduledRate(
        schedule, learning_rate=lambda: policy.state.learning_rate, first_step=4 * epoch
    )
    logs = network.fit(images, goals, batch_size=8, verbose=0, shuffle=False, callbacks=[warm_up])
    Reestimate(network)([images])
    with averaged_weights(network.optimizer):
        loss, accuracy = network.evaluate(images, goals, verbose=0)
        policy.on_epoch_end(epoch, {"loss": logs.history["loss"][0], "val_loss": loss,
                                    "val_accuracy": accuracy})
    losses.append(loss)
policy.on_train_end()
best = network.evaluate(images, goals, verbose=0)
with small_base():
    built = build_model(replace(params.model, base="EfficientNetB0"), image_size=32, weights=None)
print(json.dumps({
    "backend": keras.backend.backend(),
    "losses": losses,
    "best": best,
    "state": [policy.state.best_epoch, policy.state.best_accuracy, policy.state.best_loss],
    "shapes": [list(variable.shape) for variable in built.weights],
    "given": built.predict_on_batch(np.zeros((2, 32, 32, 3), "uint8")).sum(axis=1).tolist(),
}))
"""
WRITE = """
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from stages.common.params_file import load_params
from stages.network.model import build_model
from stages.network.model_writer import write_model
from tests.small_base import small_base

keras.utils.set_random_seed(1)
model = load_params(Path("params.yaml")).model
with small_base():
    network = build_model(replace(model, base="EfficientNetB0"), image_size=32, weights=None)
random = np.random.default_rng(1)
for layer in network.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.moving_mean.assign(random.normal(0, 0.2, layer.moving_mean.shape))
        layer.moving_variance.assign(random.uniform(0.5, 1.5, layer.moving_variance.shape))
write_model(network, Path(sys.argv[1]))
"""
PREDICT = """
import json, sys

import keras
import numpy as np

random = np.random.default_rng(2)
images = random.integers(0, random.integers(1, 257, (12, 1, 1, 3)), (12, 32, 32, 3), "uint8")
model = keras.models.load_model(sys.argv[1])
print(json.dumps([keras.backend.backend(), model.predict(images, verbose=0)[:, 1].tolist()]))
"""
COMPILE_QUICKLY = "--xla_backend_optimization_level=0"


def run_on(backend: str, program: str = PROGRAM, *arguments: str) -> Any:
    finished = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": COMPILE_QUICKLY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    lines = finished.stdout.splitlines()
    return json.loads(lines[-1]) if lines else None


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, object]]:
    return {backend: run_on(backend) for backend in ("tensorflow", "jax")}


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_small_network_learns_and_keeps_its_best_epoch(
    backend: str, answers: dict[str, dict[str, object]]
) -> None:
    answer = answers[backend]
    assert answer["backend"] == backend
    losses = answer["losses"]
    epoch, accuracy, loss = answer["state"]
    assert losses[-1] < losses[0]
    assert loss == losses[epoch - 1]
    assert answer["best"] == pytest.approx([loss, accuracy], rel=1e-5)


def test_the_stages_network_is_the_same_on_both(answers: dict[str, dict[str, object]]) -> None:
    assert answers["jax"]["shapes"] == answers["tensorflow"]["shapes"]
    for answer in answers.values():
        assert answer["given"] == pytest.approx([1, 1])


@pytest.fixture(scope="module")
def model_keras(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("file") / "model.keras"
    run_on("tensorflow", WRITE, str(path))
    return str(path)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_model_file_gives_the_same_p_on_another_backend(backend: str, model_keras: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    _, here = run_on("tensorflow", PREDICT, model_keras)
    name, there = run_on(backend, PREDICT, model_keras)
    assert name == backend
    assert np.ptp(here) > 1e-3
    assert there == pytest.approx(here, rel=0, abs=1e-5)


def test_modules_that_other_backends_run_are_marked() -> None:
    assert {
        "averaging",
        "batch_norm_reestimation",
        "callbacks",
        "compilation",
        "fine_tuning",
        "frozen_base",
        "mean_model",
        "model",
        "model_reader",
        "optimizer",
        "precision",
        "trained_weights",
        "variables",
    } == MARKED


@pytest.mark.parametrize("name", sorted(PURE))
def test_a_pure_module_imports_no_backend(name: str) -> None:
    imported = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    assert not imported & {"tensorflow", "jax", "torch"}
    own = [name for name in imported if name.startswith(("stages.train.", "stages.network."))]
    assert {name.rpartition(".")[2] for name in own} <= PURE | FUSED
