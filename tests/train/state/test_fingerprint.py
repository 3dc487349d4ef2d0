from pathlib import Path

import pytest
import yaml

import stages.common.numpy_answers
import stages.network.model_writer
import stages.train.__main__
import stages.train.fit
from stages.train.state.fingerprint import code_files, data_files, fingerprint, inputs
from tests.conftest import ROOT

CODE = b'"""One."""\na = 1  # why\n'


@pytest.fixture
def files(tmp_path: Path) -> dict[str, dict[str, Path]]:
    contents = {"code": CODE, "data": b"b = 1  # why"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: {name: tmp_path / name} for name in contents}


def test_it_is_the_same_for_the_same_in_any_order(files: dict[str, dict[str, Path]]) -> None:
    files["data"] |= {"more": files["data"]["data"]}
    found = fingerprint(inputs({"a": 1, "b": [0.1]}, **files))
    assert len(found) == 64
    files["data"] = dict(reversed(files["data"].items()))
    assert fingerprint(inputs({"b": [0.1], "a": 1}, **files)) == found


def test_any_setting_name_statement_or_byte_of_data_changes_it(
    files: dict[str, dict[str, Path]],
) -> None:
    (code,), (data,) = (named.values() for named in files.values())
    found = [fingerprint(inputs({"seed": 1}, **files))]
    found.append(fingerprint(inputs({"seed": 2}, **files)))
    found.append(fingerprint(inputs({"seed": 1, "more": None}, **files)))
    found.append(fingerprint(inputs({"seed": 1}, code=files["code"], data={"other": data})))
    found.append(fingerprint(inputs({"seed": 1}, code={"other": code}, data=files["data"])))
    data.write_bytes(b"b = 1")
    found.append(fingerprint(inputs({"seed": 1}, **files)))
    code.write_bytes(CODE.replace(b"1", b"1.0"))
    found.append(fingerprint(inputs({"seed": 1}, **files)))
    assert len(set(found)) == len(found)


def test_comments_docstrings_and_layout_of_code_do_not_change_it(
    files: dict[str, dict[str, Path]],
) -> None:
    before = fingerprint(inputs({}, **files))
    for old, new in ((b"# why", b"# why not"), (b"One.", b"Two."), (b"1", b"(\n  1\n)")):
        files["code"]["code"].write_bytes(CODE.replace(old, new))
        assert fingerprint(inputs({}, **files)) == before


def test_a_state_whose_code_was_hashed_byte_by_byte_is_not_found(
    files: dict[str, dict[str, Path]],
) -> None:
    now = inputs({}, **files)
    earlier = inputs({}, code={}, data=files["code"] | files["data"])
    assert earlier["files"].keys() == now["files"].keys()
    assert fingerprint(earlier) != fingerprint(now)


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
