import dataclasses
from pathlib import Path

import pytest

from stages.params import ModelParams, TrainParams
from stages.train.device import Device
from stages.train.sources import Sources


@pytest.fixture
def sources(
    train_params: TrainParams, model_params: ModelParams, shards: Path, tmp_path: Path
) -> Sources:
    return Sources(train_params, model_params, 1, shards, tmp_path / "home", Device("CPU", "CPU"))


def write_weights(sources: Sources, base: str) -> None:
    (sources.keras_home / "models").mkdir(parents=True, exist_ok=True)
    (sources.keras_home / "models" / f"{base.lower()}_notop.h5").touch()


@pytest.mark.parametrize("base", ["EfficientNetB0", "EfficientNetB3"])
def test_weights_that_download_has_brought_in_are_used(base: str, sources: Sources) -> None:
    sources = dataclasses.replace(sources, model=dataclasses.replace(sources.model, base=base))
    assert sources.weights is None
    write_weights(sources, "EfficientNetB7")
    assert sources.weights is None
    write_weights(sources, base)
    assert sources.weights == "imagenet"


def test_the_fingerprint_is_repeated(sources: Sources) -> None:
    assert sources.fingerprint() == sources.fingerprint()


def test_the_fingerprint_changes_with_all_that_the_fit_depends_on(sources: Sources) -> None:
    replace = dataclasses.replace
    policy = replace(sources.params.policy, patience=77)
    others = [
        sources,
        replace(sources, params=replace(sources.params, learning_rate=0.5)),
        replace(sources, params=replace(sources.params, policy=policy)),
        replace(sources, model=replace(sources.model, dropout=0.77)),
        replace(sources, seed=2),
        replace(sources, device=Device("GPU", "GPU of another name")),
    ]
    found = [other.fingerprint() for other in others]
    write_weights(sources, sources.model.base)
    found.append(sources.fingerprint())
    shard = sources.shards / "train/train-00000.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1])
    found.append(sources.fingerprint())
    assert len(set(found)) == len(found)
