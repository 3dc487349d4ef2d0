from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.common.errors import StageError
from stages.dataset.archive import SYNTHETIC_MARK
from stages.dataset.archive_layout import FINAL_FOLDER, LABEL_FOLDER, PRELIMINARY_FOLDER
from stages.download import __main__ as main_module
from stages.download import bring_set
from stages.download import weights as weights_module
from stages.download.params import DownloadParams
from tests.conftest import ROOT, WriteArchive, tiny_members
from tests.download.http_server import Answer, serving, storing
from tests.download.inventories import inventory_of
from tests.download.kaggle_emulator import Kaggle, emulated_kaggle
from tests.download.stage import PARAMS, files, run_download

COUNTS = {f"training_data/fold_{fold}/{label}": 8 for fold in range(3) for label in ("all", "hem")}


def run(folder: Path, **changes: Any) -> str:
    return run_download(dataclasses.replace(PARAMS.section(DownloadParams), **changes), folder)


def read_report(folder: Path) -> Any:
    return json.loads((folder / "metrics/download.json").read_text())


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kaggle]:
    with emulated_kaggle(monkeypatch, str(tmp_path / "home")) as emulator:
        yield emulator


def test_an_archive_comes_from_a_path_with_its_report(
    tmp_path: Path, write_archive: WriteArchive
) -> None:
    source = write_archive(name="source.zip")
    content = source.read_bytes()
    line = run(tmp_path / "out", source=str(source))
    assert line == (
        f"50 images (24 ALL, 24 HEM, 2 preliminary), {len(content) / 1e6:.1f} MB, "
        "not verified as C-NMC 2019, Kaggle andrewmvd/leukemia-classification version 2 "
        f"({FINAL_FOLDER} is missing (2,586 files)), source path, "
        f"weights none → {tmp_path / 'out/data/raw/cnmc.zip'}"
    )
    assert (tmp_path / "out/data/raw/cnmc.zip").read_bytes() == content
    assert read_report(tmp_path / "out") == {
        "source": "path",
        "synthetic": False,
        "verified": False,
        "inventory": "C-NMC 2019, Kaggle andrewmvd/leukemia-classification version 2",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "weights": "none",
        "files": COUNTS | {LABEL_FOLDER: 1, PRELIMINARY_FOLDER: 2},
    }
    assert files(tmp_path / "out") == [
        "data/raw/cnmc.zip",
        "data/raw/external/sets.json",
        "data/raw/keras_home/keras.json",
        "metrics/download.json",
    ]


def test_the_known_archive_comes_from_kaggle_verified_under_its_handle(
    tmp_path: Path, write_archive: WriteArchive, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring_set, "C_NMC_2019", inventory_of(tiny_members()))
    kaggle.content = write_archive(name="source.zip").read_bytes()
    line = run(tmp_path / "out", source="kaggle")
    assert "MB, verified as the tiny set, source kaggle, " in line
    assert (tmp_path / "out/data/raw/cnmc.zip").read_bytes() == kaggle.content
    report = read_report(tmp_path / "out")
    assert report["source"] == "kaggle"
    assert report["version"] == "andrewmvd/leukemia-classification/versions/2"
    assert report["verified"] is True
    assert report["inventory"] == "the tiny set"


def test_another_archive_from_kaggle_is_refused_with_its_first_differences(
    tmp_path: Path, write_archive: WriteArchive, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring_set, "C_NMC_2019", inventory_of(tiny_members()))
    members = tiny_members()
    lost = members.popitem()
    assert lost[0].endswith("_labels.csv")
    kaggle.content = write_archive(
        {path: content for path, content in members.items() if PRELIMINARY_FOLDER not in path}
    ).read_bytes()
    with pytest.raises(StageError) as caught:
        run(tmp_path / "out", source="kaggle")
    assert str(caught.value) == (
        "Kaggle dataset andrewmvd/leukemia-classification/versions/2 is not the tiny set: "
        f"{LABEL_FOLDER} is missing (1 file); {PRELIMINARY_FOLDER} is missing (2 files); "
        "set download.source to a copy of that, or download.accept_unknown_archive to true (what "
        f"has arrived is kept in {os.environ['DOWNLOAD_STATE_DIR']} for it)"
    )
    assert files(tmp_path / "out") == []


def test_another_archive_from_kaggle_may_be_accepted_but_is_not_called_verified(
    tmp_path: Path, write_archive: WriteArchive, kaggle: Kaggle
) -> None:
    kaggle.content = write_archive(name="source.zip").read_bytes()
    line = run(tmp_path / "out", source="kaggle", accept_unknown_archive=True)
    assert "not verified as C-NMC 2019" in line
    assert read_report(tmp_path / "out")["verified"] is False


def test_a_damaged_archive_from_kaggle_says_how_to_get_another(
    tmp_path: Path, write_archive: WriteArchive, kaggle: Kaggle
) -> None:
    kaggle.content = write_archive(name="source.zip").read_bytes()[:-100]
    expected = (
        "^Kaggle dataset andrewmvd/leukemia-classification/versions/2: this is not a zip archive, "
        "or .*; run `dvc repro download` again, which fetches it anew, or set download.source"
    )
    with pytest.raises(StageError, match=expected):
        run(tmp_path / "out", source="kaggle", accept_unknown_archive=True)
    assert files(tmp_path / "out") == []


def test_a_known_set_is_verified_from_a_folder_too_with_the_same_bytes_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring_set, "C_NMC_2019", inventory_of(tiny_members()))
    for path, content in tiny_members().items():
        file = tmp_path / "unpacked" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    for out in ("one", "two"):
        assert "verified as the tiny set" in run(tmp_path / out, source=str(tmp_path / "unpacked"))
    assert read_report(tmp_path / "one")["verified"] is True
    one, two = ((tmp_path / out / "data/raw/cnmc.zip").read_bytes() for out in ("one", "two"))
    assert one == two


@pytest.mark.integration
def test_an_archive_comes_from_a_url_that_the_report_does_not_hold(
    tmp_path: Path, write_archive: WriteArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write_archive(name="source.zip").read_bytes()
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("KEY", "s3cr3t")
    with serving(lambda _: Answer(200, content)) as address:
        line = run(tmp_path / "out", source=f"{address}/cnmc.zip?key=$KEY")
    report = (tmp_path / "out/metrics/download.json").read_text()
    assert json.loads(report)["source"] == "url"
    assert "127.0.0.1" not in line + report
    assert "s3cr3t" not in line + report


@pytest.mark.integration
def test_an_archive_is_not_fetched_again_because_the_weights_did_not_come(
    tmp_path: Path, write_archive: WriteArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write_archive(name="source.zip").read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise StageError("no weights")

    with storing(content) as (storage, address):
        with monkeypatch.context() as patch:
            patch.setattr(main_module, "make_keras_home", fail)
            with pytest.raises(StageError, match="no weights"):
                run(tmp_path / "out", source=f"{address}/cnmc.zip")
        assert files(tmp_path / "out") == []
        run(tmp_path / "out", source=f"{address}/cnmc.zip")
    assert storage.starts == [0, len(content) - 1]


def test_a_report_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, write_archive: WriteArchive
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/metrics").touch()
    with pytest.raises(OSError, match="metrics"):
        run(tmp_path / "out", source=str(write_archive(name="source.zip")))
    assert files(tmp_path / "out") == ["metrics"]


def test_synthetic_cells_are_called_synthetic(tmp_path: Path, write_archive: WriteArchive) -> None:
    source = write_archive(name="source.zip")
    with zipfile.ZipFile(source, "a") as archive:
        archive.comment = SYNTHETIC_MARK
    assert run(tmp_path / "out", source=str(source)).startswith("50 synthetic images (")
    assert read_report(tmp_path / "out")["synthetic"] is True


def test_an_archive_without_preliminary_images_counts_none(
    tmp_path: Path, write_archive: WriteArchive
) -> None:
    source = write_archive(tiny_members(external=0), "source.zip")
    assert run(tmp_path / "out", source=str(source)).startswith("48 images (24 ALL, 24 HEM, 0 pre")
    assert read_report(tmp_path / "out")["files"] == COUNTS


def test_the_same_source_gives_the_same_bytes(tmp_path: Path, write_archive: WriteArchive) -> None:
    source = str(write_archive(name="source.zip"))
    for folder in ("one", "two"):
        run(tmp_path / folder, source=source)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    for name in files(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.integration
def test_nothing_is_left_when_the_weights_fail(
    tmp_path: Path, write_archive: WriteArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    source = write_archive(name="source.zip")
    with serving(lambda _: Answer(200, b"other weights")) as address:
        monkeypatch.setattr(weights_module, "published_weights", lambda _: (f"{address}/w.h5", ""))
        with pytest.raises(StageError, match=r"w\.h5: MD5 is"):
            run(tmp_path / "out", source=str(source), weights="imagenet")
    assert files(tmp_path / "out") == []


def test_a_failure_leaves_what_was_there_before(
    tmp_path: Path, write_archive: WriteArchive
) -> None:
    run(tmp_path / "out", source=str(write_archive(name="source.zip")))
    before = {name: (tmp_path / "out" / name).read_bytes() for name in files(tmp_path / "out")}
    with pytest.raises(StageError, match="is not a file"):
        run(tmp_path / "out", source="missing.zip")
    after = {name: (tmp_path / "out" / name).read_bytes() for name in files(tmp_path / "out")}
    assert after == before


def start(folder: Path, source: str, code: list[str]) -> subprocess.CompletedProcess[str]:
    """Start Python in a folder whose params.yaml has a synthetic profile with this source."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["profiles"]["synthetic"]["download"]["source"] = source
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    rest = ("--keras-home=home", "--report=report.json")
    return subprocess.run(
        [sys.executable, *code, "--archive=a.zip", "--external=external", *rest],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.integration
def test_tensorflow_is_not_imported_without_imagenet_weights(
    tmp_path: Path, write_archive: WriteArchive
) -> None:
    program = (
        "import sys; from stages.download.__main__ import download; "
        "from stages.common.stage_entry import run_stage; run_stage(download); "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    done = start(tmp_path, str(write_archive(name="source.zip")), ["-c", program])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("download: 50 images")


@pytest.mark.integration
def test_an_error_ends_in_one_line(tmp_path: Path) -> None:
    done = start(tmp_path, "missing.zip", ["-m", "stages.download"])
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("download: missing.zip is not a file")
    assert done.stderr.count("\n") == 1
    assert files(tmp_path) == ["params.yaml"]


def test_the_real_sample_arrives_as_it_is(tmp_path: Path, real_sample: Path) -> None:
    line = run(tmp_path / "out", source=str(real_sample))
    assert line.startswith("1,162 images (731 ALL, 429 HEM, 2 preliminary), 71.7 MB, not verified")
