from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from stages.archive import SYNTHETIC_MARK
from stages.download import sources
from stages.download.sources import fetch_archive, source_kind, source_name
from stages.errors import StageError
from stages.params import DownloadParams, load_params
from tests.conftest import ROOT
from tests.download.http_server import Answer, serving

CONTENT = bytes(range(256)) * 10_000
SECRET = "s3cr3t"
PARAMS = load_params(ROOT / "params.yaml").section(DownloadParams)


def fetch(source: str, destination: Path) -> bytes:
    fetch_archive(dataclasses.replace(PARAMS, source=source), destination, seed=3)
    return destination.read_bytes()


@pytest.mark.parametrize(
    ("source", "kind", "name"),
    [
        ("synthetic", "synthetic", "the synthetic archive"),
        ("kaggle", "kaggle", "Kaggle dataset andrewmvd/leukemia-classification/versions/2"),
        ("data/cnmc.zip", "path", "data/cnmc.zip"),
        ("kaggle.zip", "path", "kaggle.zip"),
        (f"https://me:{SECRET}@host/a.zip?sig={SECRET}", "url", "https://host/a.zip"),
        ("s3://bucket/a.zip", "url", "s3://bucket/a.zip"),
    ],
)
def test_a_source_has_a_kind_and_a_public_name(source: str, kind: str, name: str) -> None:
    assert source_kind(source) == kind
    assert source_name(dataclasses.replace(PARAMS, source=source)) == name


def test_a_file_is_copied_and_left_alone(tmp_path: Path) -> None:
    original = tmp_path / "original.zip"
    original.write_bytes(CONTENT)
    assert fetch(str(original), tmp_path / "copy.zip") == CONTENT
    assert original.stat().st_ino != (tmp_path / "copy.zip").stat().st_ino
    assert original.read_bytes() == CONTENT


@pytest.mark.parametrize("source", ["sinthetic", "missing/cnmc.zip"])
def test_a_missing_file_says_what_a_source_may_be(tmp_path: Path, source: str) -> None:
    expected = f"^{source} is not a file; download.source may be synthetic, kaggle, or a path"
    with pytest.raises(StageError, match=expected):
        fetch(source, tmp_path / "copy.zip")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_packed(tmp_path: Path) -> None:
    image = tmp_path / "unpacked/training_data/fold_0/all/UID_1_1_1_all.bmp"
    image.parent.mkdir(parents=True)
    image.write_bytes(CONTENT)
    fetch(str(tmp_path / "unpacked"), tmp_path / "packed.zip")
    with zipfile.ZipFile(tmp_path / "packed.zip") as archive:
        assert archive.read(archive.namelist()[0]) == CONTENT


def test_synthetic_cells_are_drawn_from_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def draw(destination: Path, *, cells: int, seed: int) -> None:
        drawn.append((cells, seed))
        with zipfile.ZipFile(destination, "w") as archive:
            archive.comment = SYNTHETIC_MARK

    monkeypatch.setattr(sources, "write_synthetic_archive", draw)
    fetch("synthetic", tmp_path / "drawn.zip")
    assert drawn == [(PARAMS.synthetic_cells, 3)]


def test_kaggle_is_asked_for_the_pinned_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(handle: str, destination: Path) -> None:
        destination.write_text(handle)

    monkeypatch.setattr(sources, "download_dataset", answer)
    assert fetch("kaggle", tmp_path / "copy.zip").decode() == PARAMS.kaggle_dataset


@pytest.mark.parametrize("upper", [False, True])
def test_a_web_address_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, upper: bool
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving(lambda _: Answer(200, CONTENT)) as address:
        if upper:
            address = address.replace("http", "HTTP")
        assert fetch(f"{address}/cnmc.zip", tmp_path / "copy.zip") == CONTENT


@pytest.fixture
def put() -> Callable[[str, bytes], None]:
    """Put a file into fsspec's memory, which stands for any remote storage."""
    MemoryFileSystem.store.clear()
    return lambda path, content: fsspec.filesystem("memory").pipe(path, content)


def test_any_storage_of_fsspec_will_do(tmp_path: Path, put: Callable[[str, bytes], None]) -> None:
    put("/data/cnmc.zip", CONTENT)
    assert fetch("memory://data/cnmc.zip", tmp_path / "copy.zip") == CONTENT


def test_a_missing_object_is_told_in_one_line(
    tmp_path: Path, put: Callable[[str, bytes], None]
) -> None:
    put("/data/cnmc.zip", CONTENT)
    expected = r"^memory://data/other\.zip cannot be read \(FileNotFoundError\); check the address"
    with pytest.raises(StageError, match=expected):
        fetch("memory://data/other.zip", tmp_path / "copy.zip")


def test_a_storage_that_breaks_off_is_told_in_one_line(
    tmp_path: Path, put: Callable[[str, bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object, __: int = -1) -> bytes:
        raise ConnectionResetError(104, "Connection reset by peer", SECRET)

    put("/data/cnmc.zip", CONTENT)
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFile.read", broken)
    with pytest.raises(StageError, match=r"cannot be read \(Connection reset by peer\)") as caught:
        fetch("memory://data/cnmc.zip", tmp_path / "copy.zip")
    assert SECRET not in str(caught.value)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"^gs://bucket/a\.zip cannot be opened: .*gcsfs"):
        fetch("gs://bucket/a.zip", tmp_path / "copy.zip")


def test_an_unknown_storage_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"^foo://bucket/a\.zip cannot be read \(ValueError\)"):
        fetch(f"foo://me:{SECRET}@bucket/a.zip", tmp_path / "copy.zip")
