from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from stages.network.lazy_weights import network_of
from stages.network.mean_model import mean_model
from stages.network.model import build_model
from stages.network.model_reader import load_classifier
from stages.network.model_writer import write_model
from stages.network.params import ModelParams
from tests.small_base import small_base

SIZE = 32


@pytest.fixture(scope="module")
def members(model_params: ModelParams, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of two networks of other weights, all of which a training may move."""
    folder = tmp_path_factory.mktemp("members")
    paths = [folder / f"{seed}.keras" for seed in (1, 2)]
    for seed, path in enumerate(paths):
        keras.utils.clear_session()  # as in a process of its own
        with small_base():
            network = build_model(model_params, image_size=SIZE, weights=None)
        generator = np.random.default_rng(seed)
        for variable in network.variables:
            values = generator.uniform(0.1, 1, variable.shape)
            variable.assign(values if "float" in variable.dtype else 1000 * values)
        write_model(network, path)
    return paths


def write_ensemble(members: Sequence[Path], path: Path) -> bytes:
    """Write the ensemble without loading its members, and return its bytes."""
    keras.utils.clear_session()  # as in a process of its own
    with keras.StatelessScope(initialize_variables=False):
        write_model(mean_model([network_of(member) for member in members]), path)
    return path.read_bytes()


def test_an_ensemble_has_the_bytes_that_it_has_of_loaded_members(
    members: list[Path], tmp_path: Path
) -> None:
    keras.utils.clear_session()
    loaded = [load_classifier(member, image_size=SIZE) for member in members]
    write_model(mean_model(loaded), tmp_path / "loaded.keras")
    found = write_ensemble(members, tmp_path / "ensemble.keras")
    assert found == (tmp_path / "loaded.keras").read_bytes()


def test_its_members_are_neither_made_nor_loaded(
    members: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", refuse)
    monkeypatch.setattr(keras.Variable, "assign", refuse)
    write_ensemble(members, tmp_path / "ensemble.keras")
