"""Trainings that are ended on the way, in processes of their own: nothing is lost, or different."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.train.scene import STEPS, Scene, Trainings, resumed_at

pytestmark = pytest.mark.integration


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture(scope="module")
def undisturbed(trainings: Trainings, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = Scene(tmp_path_factory.mktemp("undisturbed"))
    finished = trainings.run(scene.folder)
    assert finished.returncode == 0, finished.stderr
    return scene


def test_the_undisturbed_run_is_one_on_which_a_resume_could_go_wrong(undisturbed: Scene) -> None:
    history = pd.read_csv(undisturbed.folder / "history.csv")
    report = json.loads((undisturbed.folder / "train.json").read_text())
    assert history["learning_rate"].iloc[-1] < history["learning_rate"].iloc[0]
    assert 1 < report["best_epoch"] < report["epochs"]
    assert report["steps"] == len(history) * STEPS


def test_another_seed_gives_another_model(
    scene: Scene, undisturbed: Scene, trainings: Trainings
) -> None:
    scene.set_params(seed=5)
    finished = trainings.run(scene.folder)
    assert finished.returncode == 0, finished.stderr
    assert scene.outputs()["model.keras"] != undisturbed.outputs()["model.keras"]


STOPPED = (
    "train: stopped by {} after {} epochs and {} steps; what is done is saved: the next run goes "
    "on from there"
)


def test_ended_at_every_point_in_turn_it_gives_the_bytes_of_the_undisturbed_run(
    scene: Scene, undisturbed: Scene, trainings: Trainings
) -> None:
    ends = [
        # where, at which call, what happens; exit code; where the run had been resumed; its line
        ("step", 1, "KILL", -9, None, None),
        ("step", STEPS + 4, "KILL", -9, None, None),  # after 3 steps of epoch 2, saved after 2
        ("checkpoint", 5, "KILL", -9, "1 2", None),  # the third, at the end of epoch 2
        ("step", 3, "TERM", 143, "1 6", ("SIGTERM", 2, 3)),  # epoch 2 is validated again first
        ("validation", 1, "INT", 130, "2 3", ("SIGINT", 2, 6)),
        ("step", STEPS, "KILL", -9, "2 6", None),  # the last of all
        ("export", 3, "KILL", -9, "3 4", None),
    ]
    for point, call, what, exit_code, resumed, line in ends:
        finished = trainings.run(scene.folder, point, call, what)
        assert (finished.returncode, resumed_at(finished)) == (exit_code, resumed), finished.stderr
        told = [line for line in finished.stderr.splitlines() if line.startswith("train: ")]
        assert told == ([STOPPED.format(*line)] if line else [])
        assert "Traceback" not in finished.stderr
        assert not scene.outputs()
        check_what_is_kept(scene, half_written=point == "checkpoint")
    finished = trainings.run(scene.folder)
    assert (finished.returncode, resumed_at(finished)) == (0, "4 0"), finished.stderr
    assert scene.outputs() == undisturbed.outputs()


def check_what_is_kept(scene: Scene, *, half_written: bool) -> None:
    (state,) = (path for path in (scene.folder / ".train_state").iterdir() if path.is_dir())
    names = [path.name for path in state.iterdir()]
    assert sum(name.startswith("checkpoint-") for name in names) <= 2
    assert sum(name.endswith(".tmp") for name in names) == half_written


AFTER_THE_LAST_EPOCH = [
    # where, what happens; exit code; where the run had been resumed; whether it has outputs
    ("export", "full", 1, None, False),
    ("export", "denied", 1, "4 0", False),
    ("mark", "KILL", -9, "4 0", True),
    ("mark", "full", 0, "4 0", True),
    ("mark", "denied", 0, "4 0", True),
    ("last run", "full", 0, "4 0", True),
    ("last run", "denied", 0, "4 0", True),
]


def test_what_happens_after_the_last_epoch_costs_no_epoch(
    scene: Scene, undisturbed: Scene, trainings: Trainings
) -> None:
    for point, what, exit_code, resumed, made in AFTER_THE_LAST_EPOCH:
        finished = trainings.run(scene.folder, point, 1, what)
        assert (finished.returncode, resumed_at(finished)) == (exit_code, resumed), finished.stderr
        assert "Traceback" not in finished.stderr
        assert scene.outputs() == (undisturbed.outputs() if made else {})
        for name in scene.outputs():  # as DVC does, before it runs a stage
            (scene.folder / name).unlink()
    finished = trainings.run(scene.folder)
    assert (finished.returncode, resumed_at(finished)) == (0, "4 0")
    assert scene.outputs() == undisturbed.outputs()


def test_outputs_that_cannot_be_written_are_one_line_with_what_to_do(
    scene: Scene, trainings: Trainings
) -> None:
    finished = trainings.run(scene.folder, "export", 1, "denied")
    (state,) = {path.parent for path in scene.checkpoints()}
    assert finished.stderr.splitlines()[-1] == (
        "train: [Errno 13] Permission denied: 'model.keras'; mend this and run it again: it goes "
        f"on from what is saved of the training, in {state}"
    )


def test_a_finished_state_stays_small_and_times_are_kept_apart(undisturbed: Scene) -> None:
    folder = undisturbed.folder / ".train_state"
    state, *others = sorted(path.name for path in folder.iterdir())
    assert others == ["last_run.json", "lock"]
    kept = sorted(path.name for path in (folder / state).iterdir())
    assert kept == ["checkpoint-000004-000000000", "finished.json", "inputs.json", "lock"]
    run = json.loads((folder / "last_run.json").read_text())
    assert [row["epoch"] for row in run["epochs"]] == [1, 2, 3, 4]
    assert all(row["images_per_second"] > 0 for row in run["epochs"])
    assert run["host_bytes"] > 100_000_000
    report = (undisturbed.folder / "train.json").read_text()
    assert not {"seconds", "images_per_second", "host_bytes"} & set(json.loads(report))


def test_state_of_other_shards_is_not_resumed_but_spoken_of(
    scene: Scene, trainings: Trainings
) -> None:
    assert trainings.run(scene.folder, "step", STEPS + 1, "KILL").returncode == -9
    (state,) = {path.parent for path in scene.checkpoints()}
    scene.write_shards(seed=2)
    finished = trainings.run(scene.folder)
    assert (finished.returncode, resumed_at(finished)) == (0, None)
    told = f"unfinished training's state is in {state.relative_to(scene.folder)} (0.0 MB)"
    assert told in finished.stdout
    assert len(list(state.glob("checkpoint-*"))) == 2
    why = (
        f"for the unfinished training in {state.relative_to(scene.folder)} is another one: shards/"
    )
    assert f"Training starts at epoch 1, {why}" in finished.stdout


def test_a_corrupt_checkpoint_gives_way_to_the_one_before(
    scene: Scene, undisturbed: Scene, trainings: Trainings
) -> None:
    assert trainings.run(scene.folder, "step", STEPS + 4, "KILL").returncode == -9
    latest = scene.checkpoints()[-1]
    content = bytearray((latest / "arrays.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (latest / "arrays.npz").write_bytes(content)
    finished = trainings.run(scene.folder)
    assert (finished.returncode, resumed_at(finished)) == (0, "1 0")
    told = f"{latest.relative_to(scene.folder)} is corrupt (arrays.npz does not match its SHA-256)"
    assert told in finished.stderr
    assert scene.outputs() == undisturbed.outputs()


def test_a_full_disk_costs_a_checkpoint_and_no_epoch(
    scene: Scene, undisturbed: Scene, trainings: Trainings
) -> None:
    finished = trainings.run(scene.folder, "checkpoint", 3, "full")
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr.count("no checkpoint, training goes on without") == 1
    assert scene.outputs() == undisturbed.outputs()
