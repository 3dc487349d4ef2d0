from pathlib import Path

import pytest
import yaml

import stages.common.numpy_answers
import stages.network.model_writer
import stages.train.__main__
import stages.train.fit
from stages.train.state.fingerprint import code_files, data_files, fingerprint, inputs
from tests.conftest import ROOT


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    contents = {"code": b"a", "data": b"b"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in contents}


def test_it_is_the_same_for_the_same_in_any_order(files: dict[str, Path]) -> None:
    found = fingerprint(inputs({"a": 1, "b": [0.1]}, files))
    assert len(found) == 64
    assert fingerprint(inputs({"b": [0.1], "a": 1}, dict(reversed(files.items())))) == found


def test_any_setting_name_or_byte_changes_it(files: dict[str, Path], tmp_path: Path) -> None:
    found = [fingerprint(inputs({"seed": 1}, files))]
    found.append(fingerprint(inputs({"seed": 2}, files)))
    found.append(fingerprint(inputs({"seed": 1, "more": None}, files)))
    found.append(fingerprint(inputs({"seed": 1}, files | {"more": files["data"]})))
    found.append(fingerprint(inputs({"seed": 1}, {"code": files["code"], "other": files["data"]})))
    (tmp_path / "data").write_bytes(b"c")
    found.append(fingerprint(inputs({"seed": 1}, files)))
    assert len(set(found)) == len(found)


@pytest.mark.integration
def test_the_code_is_that_on_which_dvc_has_the_stage_depend() -> None:
    # Imported, as in a run of the stage, are the modules that it shares.
    assert stages.common.numpy_answers
    assert stages.train.__main__
    assert stages.train.fit
    assert stages.network.model_writer
    listed = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["train"]["deps"]
    expected = {ROOT / name for name in listed if name.startswith("stages/")} - {
        ROOT / "stages/train"
    }
    expected |= set((ROOT / "stages/train").rglob("*.py"))
    found = {path.resolve() for path in code_files().values()}
    assert found >= expected
    assert all(path.is_relative_to(ROOT / "stages") for path in found)


def test_the_data_are_every_shard_their_index_the_cells_and_the_weights(
    shards: Path, cells_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    in_folder = ("index.json", "records.csv", "shard-00000.tfrecord")
    expected = {"cells.csv", *(f"shards/{name}" for name in in_folder)}
    weights = tmp_path / "weights.h5"
    assert set(data_files(shards, cells_csv, weights)) == expected
    weights.touch()
    (tmp_path / "requirements.txt").touch()
    assert set(data_files(shards, cells_csv, weights)) == expected | {"weights", "requirements.txt"}
