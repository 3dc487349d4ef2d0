import dataclasses
from pathlib import Path

import pytest

from stages.dataset.cell_table import read_cells, write_cells
from stages.network.params import ModelParams
from stages.train.device import Device
from stages.train.params import TrainParams
from stages.train.state.fingerprint import fingerprint
from stages.train.training_setup import TrainingSetup


@pytest.fixture
def setup(
    train_params: TrainParams,
    model_params: ModelParams,
    shards: Path,
    cells_csv: Path,
    tmp_path: Path,
) -> TrainingSetup:
    return TrainingSetup(
        train_params, model_params, shards, cells_csv, tmp_path / "home", Device("CPU", "CPU")
    )


def write_weights(setup: TrainingSetup, base: str) -> None:
    (setup.keras_home / "models").mkdir(parents=True, exist_ok=True)
    (setup.keras_home / "models" / f"{base.lower()}_notop.h5").touch()


@pytest.mark.parametrize("base", ["EfficientNetB0", "EfficientNetB3"])
def test_weights_that_download_has_brought_in_are_used(base: str, setup: TrainingSetup) -> None:
    setup = dataclasses.replace(setup, model=dataclasses.replace(setup.model, base=base))
    assert setup.weights is None
    write_weights(setup, "EfficientNetB7")
    assert setup.weights is None
    write_weights(setup, base)
    assert setup.weights == "imagenet"


def test_the_fingerprint_is_repeated(setup: TrainingSetup) -> None:
    assert fingerprint(setup.inputs()) == fingerprint(setup.inputs())


def test_the_fingerprint_changes_with_all_that_the_fit_depends_on(setup: TrainingSetup) -> None:
    replace = dataclasses.replace
    policy = replace(setup.params.policy, patience=77)
    others = [
        setup,
        replace(setup, params=replace(setup.params, learning_rate=0.5)),
        replace(setup, params=replace(setup.params, seed=2)),
        replace(setup, params=replace(setup.params, policy=policy)),
        replace(setup, model=replace(setup.model, dropout=0.77)),
        replace(setup, device=Device("GPU", "GPU of another name")),
    ]
    found = [fingerprint(other.inputs()) for other in others]
    write_weights(setup, setup.model.base)
    found.append(fingerprint(setup.inputs()))
    shard = setup.shards / "shard-00000.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1])
    found.append(fingerprint(setup.inputs()))
    cells = read_cells(setup.cells_csv)
    write_cells(cells.assign(split=cells["split"][::-1].tolist()), setup.cells_csv)
    found.append(fingerprint(setup.inputs()))
    assert len(set(found)) == len(found)
