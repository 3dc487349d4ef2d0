from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.train.state.earlier_training import (
    FROM_ITS_WEIGHTS,
    differences,
    differences_from_lock,
    why_anew,
    write_inputs,
)
from tests.conftest import ROOT

NOW: dict[str, Any] = {
    "settings": {"train": {"epochs": 3, "policy": {"patience": 1}}, "device": "CPU"},
    "files": {"loop.py": "0", "weights": "1"},
}


def inputs(*, epochs: int = 3, **files: str) -> dict[str, Any]:
    """Other inputs than NOW: with these epochs and files."""
    train = NOW["settings"]["train"] | {"epochs": epochs}
    return {"settings": NOW["settings"] | {"train": train}, "files": NOW["files"] | files}


def lock_of(folder: Path) -> dict[str, Any]:
    """Copy what dvc.lock of this project depends on, and return it."""
    shutil.copytree(ROOT / "stages", folder / "stages")
    shutil.copy(ROOT / "requirements.txt", folder)
    content: dict[str, Any] = yaml.safe_load((ROOT / "dvc.lock").read_text())
    return content


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def state(name: str, earlier: dict[str, Any], *, finished: bool = False) -> Path:
    folder = Path(name)
    folder.mkdir()
    write_inputs(earlier, folder)
    if finished:
        (folder / "finished.json").touch()
    return folder


def test_settings_are_named_with_both_values_and_files_by_name() -> None:
    earlier = inputs(epochs=2, **{"loop.py": "5", "gone.py": "2"})
    earlier["settings"]["xla"] = True
    assert differences(earlier, NOW) == [
        "train.epochs 2 → 3",
        "xla true → absent",
        "loop.py",
        "gone.py",
    ]
    assert differences(NOW, NOW) == []


def test_where_there_was_no_training_nothing_is_said() -> None:
    assert why_anew(NOW, []) is None


def test_the_nearest_of_other_states_is_named() -> None:
    far = state("far", inputs(epochs=2, **{"loop.py": "5"}))
    near = state("near", inputs(epochs=2), finished=True)
    said = f"Training starts at epoch 1, for the {{}} is another one: {{}}{FROM_ITS_WEIGHTS}"
    assert why_anew(NOW, [far, near]) == said.format(
        "finished training in near", "train.epochs 2 → 3"
    )
    assert why_anew(NOW, [far]) == said.format(
        "unfinished training in far", "train.epochs 2 → 3, loop.py"
    )


def test_of_many_differences_three_are_named() -> None:
    many = state("many", inputs(**{f"{number}.py": "5" for number in range(5)}))
    assert str(why_anew(NOW, [many])).endswith(f": 0.py, 1.py, 2.py and 2 more{FROM_ITS_WEIGHTS}")


def test_a_state_that_does_not_say_what_it_depends_on_is_spoken_of(folder: Path) -> None:
    (folder / "old").mkdir()
    assert str(why_anew(NOW, [Path("old")])).endswith(
        f": other parameters, code or data{FROM_ITS_WEIGHTS}"
    )


def test_dvc_lock_says_in_what_the_recorded_training_differs(folder: Path) -> None:
    lock = lock_of(folder)
    for dep in lock["stages"]["train"]["deps"]:  # as of this code
        if dep["path"].startswith("stages/"):
            dep["md5"] = "0"
    sections = lock["stages"]["train"]["params"]["params.yaml"]
    recorded = {key.rpartition(".")[2]: value for key, value in sections.items()}
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock))
    code = [dep["path"] for dep in lock["stages"]["train"]["deps"] if dep["md5"] == "0"]
    assert differences_from_lock(recorded) == code
    changed = recorded | {"train": recorded["train"] | {"epochs": 99}}
    epochs = recorded["train"]["epochs"]
    assert differences_from_lock(changed) == [f"train.epochs {epochs} → 99", *code]


def test_no_lock_and_a_broken_one_say_nothing(folder: Path) -> None:
    for text in (None, "stages: {}\n", "a: b: c\n", "stages: {train: 1}\n"):
        if text:
            (folder / "dvc.lock").write_text(text)
        assert differences_from_lock({}) is None


def test_where_dvc_lock_records_this_very_training_nothing_is_said(folder: Path) -> None:
    recorded = {"cmd": "", "deps": [], "params": {"params.yaml": {}}, "outs": []}
    (folder / "dvc.lock").write_text(yaml.safe_dump({"stages": {"train": recorded}}))
    assert why_anew(NOW, [state("other", inputs(epochs=2))]) is None
