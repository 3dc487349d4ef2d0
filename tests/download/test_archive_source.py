from __future__ import annotations

import dataclasses
import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from stages.common.errors import StageError
from stages.common.params_file import load_params
from stages.dataset.archive import SYNTHETIC_MARK
from stages.download import archive_source as sources
from stages.download.archive_source import fetch_archive, remote_origin, source_kind, source_name
from stages.download.fsspec_origin import FsspecOrigin
from stages.download.http_origin import HttpOrigin
from stages.download.params import DownloadParams
from tests.conftest import CHARACTERS, ROOT
from tests.download.conftest import QUICK
from tests.download.http_server import broken, storing

CONTENT = bytes(range(256)) * 10_000
SECRET = "s3cr3t"
PARAMS = load_params(ROOT / "params.yaml").section(DownloadParams)


def fetch(source: str, destination: Path, sha256: str | None = None) -> bytes:
    params = dataclasses.replace(PARAMS, source=source, sha256=sha256)
    fetch_archive(params, destination, verify=Path.stat, retry_policy=QUICK)
    return destination.read_bytes()


@pytest.mark.parametrize(
    ("source", "kind", "name"),
    [
        ("synthetic", "synthetic", "the synthetic archive"),
        ("kaggle", "kaggle", "Kaggle dataset andrewmvd/leukemia-classification/versions/2"),
        ("data/cnmc.zip", "path", "data/cnmc.zip"),
        ("kaggle.zip", "path", "kaggle.zip"),
        ("https://$ME:$WORD@host/a.zip?sig=$WORD", "url", "https://host/a.zip"),
        ("https://host/$WORD/a.zip", "url", "https://host/$WORD/a.zip"),
        ("$ADDRESS", "url", "$ADDRESS"),
        ("s3://bucket/a.zip", "url", "s3://bucket/a.zip"),
    ],
)
def test_a_source_has_a_kind_and_a_public_name(
    monkeypatch: pytest.MonkeyPatch, source: str, kind: str, name: str
) -> None:
    monkeypatch.setenv("ME", "me")
    monkeypatch.setenv("WORD", SECRET)
    monkeypatch.setenv("ADDRESS", f"https://me:{SECRET}@host/a.zip")
    assert source_kind(source) == kind
    assert source_name(dataclasses.replace(PARAMS, source=source)) == name


def test_a_file_is_copied_and_left_alone(tmp_path: Path) -> None:
    original = tmp_path / "original.zip"
    original.write_bytes(CONTENT)
    assert fetch(str(original), tmp_path / "copy.zip") == CONTENT
    assert original.stat().st_ino != (tmp_path / "copy.zip").stat().st_ino
    assert original.read_bytes() == CONTENT


@pytest.mark.parametrize("source", ["$ADDRESS/a.zip", "http://127.0.0.1:9/$WORD/a.zip"])
def test_what_comes_from_the_environment_is_not_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    monkeypatch.setenv("WORD", SECRET)
    monkeypatch.setenv("ADDRESS", f"http://me:{SECRET}@127.0.0.1:9")
    with pytest.raises(StageError, match="cannot be reached") as caught:
        fetch(source, tmp_path / "copy.zip")
    assert SECRET not in str(caught.value)


def test_a_file_where_dvc_deletes_it_is_not_looked_for_in_vain(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"is not a file in .* \(DVC empties data/raw before this"):
        fetch("data/raw/mine.zip", tmp_path / "copy.zip")


def test_a_home_folder_of_nobody_is_told(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"~nobody-here/a\.zip: there is no such home folder"):
        fetch("~nobody-here/a.zip", tmp_path / "copy.zip")


@pytest.mark.parametrize("source", ["sinthetic", "missing/cnmc.zip"])
def test_a_missing_file_says_what_a_source_may_be(tmp_path: Path, source: str) -> None:
    expected = f"^{source} is not a file in {Path.cwd()}; download.source may be synthetic, kaggle"
    with pytest.raises(StageError, match=expected):
        fetch(source, tmp_path / "copy.zip")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("character", CHARACTERS, ids=ascii)
def test_a_path_may_have_any_character(tmp_path: Path, character: str) -> None:
    folder = tmp_path / f"{character}a{character}"
    folder.mkdir()
    (folder / f"{character}{character} 1{character}").write_bytes(CONTENT)
    source = f"{folder}/{character}{character} 1{character}"
    assert source_kind(source) == "path"
    assert source_kind(str(folder)) == "folder"
    assert fetch(source, tmp_path / "copy.zip") == CONTENT


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_path_that_yaml_has_cut_off_is_told_with_the_whole_one(tmp_path: Path, kind: str) -> None:
    whole = tmp_path / "[a] #1.zip"
    whole.touch() if kind == "file" else whole.mkdir()
    expected = f"{tmp_path}/[a] is not a file, but {whole} is there: in params.yaml a # after a"
    with pytest.raises(StageError, match=re.escape(expected)):
        fetch(str(tmp_path / "[a]"), tmp_path / "copy.zip")


def test_a_folder_is_packed(tmp_path: Path) -> None:
    for name in ("all/UID_1_1_1_all.bmp", "hem/UID_H1_1_1_hem.bmp"):
        image = tmp_path / "unpacked/training_data/fold_0" / name
        image.parent.mkdir(parents=True)
        image.write_bytes(CONTENT)
    fetch(str(tmp_path / "unpacked"), tmp_path / "packed.zip")
    with zipfile.ZipFile(tmp_path / "packed.zip") as archive:
        assert archive.read(archive.namelist()[0]) == CONTENT


def test_synthetic_cells_are_drawn_from_their_number_and_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def draw(destination: Path, *, cells: int, seed: int) -> None:
        drawn.append((cells, seed))
        with zipfile.ZipFile(destination, "w") as archive:
            archive.comment = SYNTHETIC_MARK

    monkeypatch.setattr(sources, "write_synthetic_archive", draw)
    params = dataclasses.replace(PARAMS, source="synthetic", synthetic_cells=500, synthetic_seed=3)
    fetch_archive(params, tmp_path / "drawn.zip", verify=Path.stat)
    assert drawn == [(500, 3)]


@pytest.mark.parametrize(
    ("source", "kind", "name"),
    [
        ("kaggle", HttpOrigin, f"Kaggle dataset {PARAMS.kaggle_dataset}"),
        ("https://host/a.zip", HttpOrigin, "https://host/a.zip"),
        ("HTTP://host/a.zip", HttpOrigin, "HTTP://host/a.zip"),
        ("s3://bucket/a.zip", FsspecOrigin, "s3://bucket/a.zip"),
        ("sftp://me@host/a.zip", FsspecOrigin, "sftp://host/a.zip"),
    ],
)
def test_what_is_far_away_has_an_origin(source: str, kind: type, name: str) -> None:
    origin = remote_origin(dataclasses.replace(PARAMS, source=source), retry_policy=QUICK)
    assert isinstance(origin, kind)
    assert origin.name == name
    assert getattr(origin, "retry_policy", QUICK) is QUICK


@pytest.mark.integration
def test_a_web_address_is_downloaded(tmp_path: Path, state: Path) -> None:
    with storing(CONTENT) as (storage, address):
        storage.faults = [broken(0.5)]
        assert fetch(f"{address}/cnmc.zip", tmp_path / "copy.zip") == CONTENT
    assert storage.starts == [0, len(CONTENT) // 2]
    assert {path.suffix for path in state.iterdir() if path.is_file()} == {".lock"}


def test_a_home_folder_is_known_by_its_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "original.zip").write_bytes(CONTENT)
    assert fetch("~/original.zip", tmp_path / "copy.zip") == CONTENT


def test_a_file_needs_room(tmp_path: Path) -> None:
    with (tmp_path / "original.zip").open("wb") as file:
        file.truncate(10**13)  # without a byte on the disk
    expected = rf"original\.zip: 10{',000' * 4} bytes are needed in {tmp_path}, [\d,]+ are free"
    with pytest.raises(StageError, match=expected):
        fetch(str(tmp_path / "original.zip"), tmp_path / "copy.zip")


@pytest.mark.integration
def test_the_checksum_in_params_is_held_against_every_source(tmp_path: Path) -> None:
    right, wrong = hashlib.sha256(CONTENT).hexdigest(), "0" * 64
    (tmp_path / "original.zip").write_bytes(CONTENT)
    with storing(CONTENT) as (storage, address):
        for source in (str(tmp_path / "original.zip"), f"{address}/cnmc.zip"):
            assert fetch(source, tmp_path / "copy.zip", right) == CONTENT
            expected = f"^{source}: SHA256 is {right}, expected {wrong} as download.sha256 says"
            with pytest.raises(StageError, match=expected) as caught:
                fetch(source, tmp_path / "copy.zip", wrong)
            assert "again" not in str(caught.value)
    assert storage.starts == [0, 0, 0]  # a wrong one is fetched once more
