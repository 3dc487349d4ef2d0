"""Two virtual devices that share each batch, in processes of their own."""

import json
from pathlib import Path

import keras
import pandas as pd
import pytest

from tests.train.scene import STEPS, Scene, Trainings, resumed_at

pytestmark = pytest.mark.integration

ONE_AND_TWO = """
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from stages.train.params import TrainParams
from stages.common.params_file import load_params
from stages.train.device import prepare_device, shared_by_all
from stages.train.steps.frozen_base import frozen_base
from stages.train.steps.compilation import compile_network
from stages.network.model import HEAD, synchronize_batch_norm
from tests.train.networks import TWO_BLOCKS, random_cells, small_network

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
both = prepare_device("cpu", devices="all", deterministic=True, threads=2)
assert both.count == 2
params = load_params(Path("params.yaml")).section(TrainParams)
params = replace(params, optimizer="SGD", learning_rate=0.1)
images, labels = random_cells(24)


def trained(device):
    with shared_by_all(device):
        # No dropout: its random numbers are the same on each device.
        network = small_network(dropout=0, blocks=TWO_BLOCKS)
        network.get_layer(HEAD[1]).activity_regularizer = keras.regularizers.L1(0.01)
        synchronize_batch_norm(network, wanted=device.count > 1)
        compile_network(network, params, precision="float32", on_gpu=False)
        base = frozen_base(network)
    features = base.predict(images[:15], batch_size=8, verbose=0)  # 7 for two in the last batch
    assert base.distribute_strategy.num_replicas_in_sync == device.count
    told = network.fit(images, labels, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return network, told.history, features


(one, told, features), (two, told_of_two, features_of_two) = (
    trained(device) for device in (replace(both, count=1), both)
)
assert told["accuracy"] == told_of_two["accuracy"]
np.testing.assert_allclose(features, features_of_two, rtol=1e-5)
for told in (network.evaluate(images, labels, verbose=0) for network in (one, two)):
    np.testing.assert_allclose(told, one.evaluate(images, labels, verbose=0), rtol=1e-5)
begun = small_network(dropout=0, blocks=TWO_BLOCKS)
for first, alone, shared in zip(begun.variables, one.variables, two.variables, strict=True):
    moved = np.abs(np.array(alone) - first).max()
    np.testing.assert_allclose(alone, shared, atol=max(0.01 * moved, 1e-6), err_msg=alone.path)
    assert moved > 1e-4 or "conv/bias" in alone.path, alone.path  # batch norm takes those away
"""


def test_two_devices_take_the_steps_of_one(trainings: Trainings) -> None:
    finished = trainings.python(ONE_AND_TWO)
    assert finished.returncode == 0, finished.stderr[-3000:]


def test_two_devices_make_what_one_makes_and_after_a_kill_the_same_bytes_again(
    trainings: Trainings, tmp_path: Path
) -> None:
    scene = Scene(tmp_path)
    # 13 validation cells leave one of the last batch of 4, which two devices cannot share.
    scene.write_shards(val=13)
    made = {}
    for devices in ("one", "all"):
        scene.set_params(devices=devices, epochs=2)
        finished = trainings.run(tmp_path)
        assert finished.returncode == 0, finished.stderr
        made[devices] = scene.outputs()
        shapes = {
            weight.path: weight.shape
            for weight in keras.models.load_model(tmp_path / "model.keras").weights
        }
        columns = list(pd.read_csv(tmp_path / "history.csv"))
        report = json.loads(made[devices]["train.json"])
        made[f"shape of {devices}"] = shapes, columns, list(report), report["steps"]
        assert report["device"] == {"one": "CPU", "all": "2 × CPU"}[devices]
    assert made["shape of one"] == made["shape of all"]

    scene.begin_anew()
    assert trainings.run(tmp_path, "step", STEPS + 4, "KILL").returncode == -9
    finished = trainings.run(tmp_path)
    assert (finished.returncode, resumed_at(finished)) == (0, "1 2"), finished.stderr
    assert scene.outputs() == made["all"]


@pytest.mark.parametrize(
    ("params", "cells", "told"),
    [
        ({"batch_size": 5}, {}, "train.batch_size is 5, expected a multiple of 2, for 2 devices"),
        ({}, {"val": 5}, "5 validation cells cannot be shared by 2 devices"),
    ],
)
def test_what_two_devices_cannot_share_is_one_clear_line(
    params: dict[str, int],
    cells: dict[str, int],
    told: str,
    trainings: Trainings,
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    scene.set_params(devices="all", **params)
    scene.write_shards(**cells)
    finished = trainings.run(tmp_path)
    assert finished.returncode == 1
    assert told in finished.stderr.splitlines()[-1]
    assert not scene.outputs()
