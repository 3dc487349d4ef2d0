"""Each lever does something in the loop; with all of them on a killed training loses nothing."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.common.params_file import load_params
from stages.train.params import TrainParams
from tests.conftest import ROOT
from tests.train.scene import STEPS, Scene, Trainings, resumed_at

pytestmark = pytest.mark.integration

OPTIONS: dict[str, dict[str, Any]] = {
    "accumulation": {"accumulate_batches": 2},
    "warm-up": {"warmup_steps": 8},
    "cool-down": {"cooldown_steps": 3},
    "average": {"ema_decay": 0.9},
    "smoothing": {"label_smoothing": 0.2},
    "class weights": {"class_weights": "balanced"},
    "statistics": {"reestimate_batch_norm": 3},
    "frozen base": {"fine_tuning": {"freeze_epochs": 1}},
    "frozen batch norm": {"fine_tuning": {"freeze_batch_norm": True}},
    "augmentation": {"augmentation": {"quarter_turns": True, "brightness": 0.2}},
}

FEATURES_ONCE = {
    "features once": {
        "fine_tuning": {"freeze_epochs": 3},
        "augmentation": dict.fromkeys(["horizontal_flip", "vertical_flip", "quarter_turns"], False),
    }
}


def set_options(scene: Scene, *levers: str, **changes: Any) -> None:
    """Write the parameters with these levers; a file stands for the weights that freezing wants."""
    shipped = load_params(ROOT / "params.yaml").section(TrainParams)
    for lever in levers:
        for name, value in (OPTIONS | FEATURES_ONCE)[lever].items():
            if isinstance(value, dict):
                group = changes.get(name) or vars(getattr(shipped, name))
                value = {**group, **value}
            changes[name] = value
    scene.set_params(**changes)
    weights = scene.folder / "home/models/efficientnetb3_notop.h5"
    weights.parent.mkdir(exist_ok=True)
    weights.touch()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture(scope="module")
def plain(trainings: Trainings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    scene = Scene(tmp_path_factory.mktemp("plain"))
    set_options(scene, epochs=2)
    finished = trainings.run(scene.folder)
    assert finished.returncode == 0, finished.stderr
    return scene.outputs()


@pytest.mark.parametrize("lever", OPTIONS)
def test_a_lever_that_is_on_changes_the_model(
    lever: str, scene: Scene, trainings: Trainings, plain: dict[str, bytes]
) -> None:
    set_options(scene, lever, epochs=2)
    finished = trainings.run(scene.folder)
    assert finished.returncode == 0, finished.stderr
    made = scene.outputs()
    assert made["history.csv"] != plain["history.csv"]
    assert made["model.keras"] != plain["model.keras"]


def test_with_all_levers_on_a_killed_training_ends_with_the_same_bytes(
    scene: Scene, trainings: Trainings
) -> None:
    set_options(scene, *OPTIONS, epochs=3)
    finished = trainings.run(scene.folder)
    assert finished.returncode == 0, finished.stderr
    undisturbed = scene.outputs()
    assert len(undisturbed) == 3
    scene.begin_anew()
    ends = [("step", 5, "KILL", -9), ("step", STEPS + 1, "TERM", 143), ("export", 3, "KILL", -9)]
    for point, call, what, exit_code in ends:
        finished = trainings.run(scene.folder, point, call, what)
        assert finished.returncode == exit_code, finished.stderr
    finished = trainings.run(scene.folder)  # with no epoch left to do
    assert (finished.returncode, resumed_at(finished)) == (0, "3 0"), finished.stderr
    assert scene.outputs() == undisturbed
    assert not list(scene.folder.glob(".model*"))


ONCE = "The base is frozen and nothing random stands before it"


def test_features_computed_once_are_found_again_by_a_killed_training(
    scene: Scene, trainings: Trainings
) -> None:
    set_options(scene, *FEATURES_ONCE, "average", "statistics", "accumulation", epochs=4)
    finished = trainings.run(scene.folder)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count(ONCE) == 1
    undisturbed = scene.outputs()
    scene.begin_anew()
    ends = [
        ("features", 3, "TERM", 143, None),
        ("features", 2, "KILL", -9, "0 0"),
        ("step", 5, "KILL", -9, "0 0"),
        ("step", STEPS, "TERM", 143, "0 4"),
        ("validation", 1, "INT", 130, "1 4"),
        ("step", 2 * STEPS, "KILL", -9, "1 6"),
        ("checkpoint", 1, "KILL", -9, "3 4"),
    ]
    for point, call, what, exit_code, resumed in ends:
        finished = trainings.run(scene.folder, point, call, what)
        assert (finished.returncode, resumed_at(finished)) == (exit_code, resumed), finished.stderr
    finished = trainings.run(scene.folder)
    assert finished.returncode == 0, finished.stderr
    assert ONCE not in finished.stdout  # only the epoch with the whole network was left
    assert scene.outputs() == undisturbed


def test_with_augmentation_the_features_are_never_computed_once(
    scene: Scene, trainings: Trainings
) -> None:
    set_options(scene, "frozen base", epochs=2)
    finished = trainings.run(scene.folder)
    assert finished.returncode == 0, finished.stderr
    assert ONCE not in finished.stdout


def test_the_policy_begins_anew_with_the_base_and_does_not_stop_before(
    scene: Scene, trainings: Trainings
) -> None:
    shipped = load_params(ROOT / "params.yaml").section(TrainParams)
    fine_tuning = {**vars(shipped.fine_tuning), "freeze_epochs": 5}
    scene.set_params(epochs=7, learning_rate=1e-6, fine_tuning=fine_tuning)
    scene.set_policy(patience=1, stop_patience=2)
    (scene.folder / "home/models").mkdir()
    (scene.folder / "home/models/efficientnetb3_notop.h5").touch()
    finished = trainings.run(scene.folder)
    assert finished.returncode == 0, finished.stderr
    rates = pd.read_csv(scene.folder / "history.csv")["learning_rate"].tolist()
    assert len(rates) >= 6
    assert rates[0] == rates[5] == 1e-6
    assert min(rates[:5]) < 1e-6
    assert json.loads((scene.folder / "train.json").read_text())["epochs"] == len(rates)
