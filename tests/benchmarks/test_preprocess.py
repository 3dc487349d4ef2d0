from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from benchmarks import preprocess
from benchmarks.cells import Made
from benchmarks.process import run_python
from benchmarks.repeated import repeat_cells
from benchmarks.rows import read_rows
from stages.dataset.archive import open_archive
from stages.dataset.archive_cells import training_cells
from stages.dataset.cell_table import read_cells, write_cells
from tests.conftest import WriteArchive, tiny_members

pytestmark = pytest.mark.integration


@pytest.fixture
def source(write_archive: WriteArchive, tmp_path: Path) -> preprocess.Source:
    """Four images of the size that the stage expects."""
    archive = write_archive(tiny_members(subjects=1, cells=2, external=0, size=450))
    with open_archive(archive) as opened:
        cells = training_cells(opened).assign(split="train", group="1")
    write_cells(cells, tmp_path / "cells.csv")
    return preprocess.Source("images", archive, tmp_path / "cells.csv", len(cells))


@pytest.mark.parametrize("images", [2, 4, 11])
def test_an_archive_is_repeated_to_any_size(
    source: preprocess.Source, tmp_path: Path, images: int
) -> None:
    repeated, table = repeat_cells(source.archive, source.cells_csv, tmp_path, images=images)
    cells = read_cells(table)
    assert len(cells) == images
    with zipfile.ZipFile(source.archive) as old, zipfile.ZipFile(repeated) as new:
        assert new.testzip() is None
        originals = {old.read(member) for member in old.namelist()}
        assert sorted(new.namelist()) == sorted(cells["member"])
        for member in cells["member"]:
            assert new.read(member) in originals


def test_the_stage_is_put_beside_others_and_grows(
    source: preprocess.Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = Made(tmp_path)
    monkeypatch.setattr(Made, "archive", source.archive)
    monkeypatch.setattr(Made, "cells_csv", source.cells_csv)
    monkeypatch.setattr(preprocess, "make_cells", lambda *_, **__: drawn)
    options = ["--rounds=1", "--sizes", "2", "4", "8", "--image-size=32", f"--folder={tmp_path}"]
    preprocess.main([*options, f"--json={tmp_path / 'rows.json'}", "--sample=none"])
    floor, peer, time, memory = read_rows(tmp_path / "rows.json")
    assert floor.ratio == floor.ways["floor"][0] / floor.ways["preprocess"][0]
    assert peer.target == {"at_least": 3}
    assert list(time.ways) == list(memory.ways) == ["2 images", "4 images", "8 images"]
    assert time.ways["4 images"] == floor.ways["preprocess"]
    assert 0.5 < memory.ratio < 2


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [((1.0, 1.5, 3.5), 1.0), ((1.0, 1.5, 7.0), 2.0), ((1.5, 1.0, 3.0), 3.0)],
)
def test_the_largest_set_is_put_beside_a_line_through_the_others(
    seconds: tuple[float, ...], expected: float
) -> None:
    sizes = (500, 2000, 8000)
    times = {size: [taken] for size, taken in zip(sizes, seconds, strict=True)}
    runs = preprocess._Runs(Path(), 224)
    time, memory = preprocess._growth(times, {size: [400.0] for size in sizes}, runs)
    assert (time.ratio, memory.ratio) == (expected, 1.0)


def test_the_memory_of_all_processes_is_counted(tmp_path: Path) -> None:
    grow = "bytearray(10**8); import time; time.sleep(0.5)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grow!r}]); x = {grow}"
    alone, both = (run_python("-c", code, folder=tmp_path) for code in (grow, child))
    assert alone.peak_bytes < 1.8e8 < both.peak_bytes
    assert both.seconds > 1
