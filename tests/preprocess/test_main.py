import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.dataset.archive import open_archive
from stages.dataset.archive_cells import external_cells, training_cells
from stages.dataset.cell_table import write_cells
from stages.dataset.shard_reader import image_format, read_index, read_split
from stages.preprocess.__main__ import preprocess
from stages.preprocess.appearance import appearance
from stages.preprocess.params import PreprocessParams
from tests.conftest import TINY_SIZE, WriteArchive, bmp, tiny_members

pytestmark = pytest.mark.integration

PARAMS = PreprocessParams(
    expected_size=TINY_SIZE, crop_size=None, image_size=32, cells_per_shard=10
)


def split_cells(archive: Path, destination: Path) -> pd.DataFrame:
    with open_archive(archive) as opened:
        training, external = training_cells(opened), external_cells(opened)
    training["split"] = ["train", "train", "val", "test"] * (len(training) // 4)
    external["split"] = "external"
    cells = pd.concat([training, external], ignore_index=True)
    cells["group"] = cells["subject"]
    write_cells(cells, destination)
    return cells


def run(params: PreprocessParams, archive: Path, cells_csv: Path, shards: Path) -> str:
    return preprocess(
        params,
        archive=archive,
        cells_csv=cells_csv,
        shards=shards,
        appearance_csv=cells_csv.with_name("appearance.csv"),
    )


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def archive(write_archive: WriteArchive) -> Path:
    return write_archive()


def test_every_cell_is_in_the_shards_of_its_split_once(archive: Path, tmp_path: Path) -> None:
    cells = split_cells(archive, tmp_path / "cells.csv")
    shards = tmp_path / "shards"
    line = run(PARAMS, archive, tmp_path / "cells.csv", shards)
    index = read_index(shards)
    assert (index["crop_size"], index["image_size"]) == (TINY_SIZE, 32)
    for split, rows in cells.groupby("split"):
        read = read_split(shards, split)
        assert read.image_ids == rows["image"].tolist()
        assert read.labels.tolist() == (rows["label"] == "all").astype(int).tolist()
        assert read.images.shape == (len(rows), 32, 32, 3)
    assert "24 train, 12 val, 12 test, 2 external cells of 32 px" in line
    appearances = pd.read_csv(tmp_path / "appearance.csv")
    for split, rows in appearances.groupby("split"):
        read = read_split(shards, split)
        assert rows["image"].tolist() == read.image_ids
        expected = [appearance(image) for image in read.images]
        assert list(zip(rows["area"], rows["brightness"], strict=True)) == expected
    assert len(appearances) == 50


def test_the_bytes_do_not_depend_on_the_number_of_workers(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split_cells(archive, tmp_path / "cells.csv")
    found = []
    for workers in (1, 3, 8):
        monkeypatch.setattr("os.cpu_count", lambda workers=workers: workers)
        shards = tmp_path / f"shards-{workers}"
        run(PARAMS, archive, tmp_path / "cells.csv", shards)
        appearances = (tmp_path / "appearance.csv").read_bytes()
        found.append(digests(shards) | {"appearances": sha256(appearances).hexdigest()})
    assert found[0] == found[1] == found[2]


def test_without_external_cells_there_are_no_external_shards(
    write_archive: WriteArchive, tmp_path: Path
) -> None:
    archive = write_archive(tiny_members(external=0))
    split_cells(archive, tmp_path / "cells.csv")
    shards = tmp_path / "shards"
    run(PARAMS, archive, tmp_path / "cells.csv", shards)
    assert sorted(path.name for path in shards.iterdir()) == ["index.json", "test", "train", "val"]


def test_after_an_error_the_old_shards_stand_and_nothing_new_does(
    write_archive: WriteArchive, tmp_path: Path
) -> None:
    members = tiny_members()
    archive = write_archive(members)
    split_cells(archive, tmp_path / "cells.csv")
    shards = tmp_path / "out" / "shards"
    run(PARAMS, archive, tmp_path / "cells.csv", shards)
    before = digests(shards)
    last = max(name for name in members if "/fold_" in name)
    broken = write_archive(members | {last: bmp(1, size=TINY_SIZE + 2)}, name="broken.zip")
    with pytest.raises(StageError, match=rf"{Path(last).name}, are 38×38, expected 36×36"):
        run(PARAMS, broken, tmp_path / "cells.csv", shards)
    assert digests(shards) == before
    assert [path.name for path in shards.parent.iterdir()] == ["shards"]


def test_a_crop_larger_than_the_images_is_refused(archive: Path, tmp_path: Path) -> None:
    split_cells(archive, tmp_path / "cells.csv")
    params = replace(PARAMS, crop_size=TINY_SIZE + 1)
    with pytest.raises(StageError, match=r"crop_size is 37, expected at most .* 36"):
        run(params, archive, tmp_path / "cells.csv", tmp_path / "s")


def test_the_index_says_how_much_of_an_image_the_crop_left(archive: Path, tmp_path: Path) -> None:
    split_cells(archive, tmp_path / "cells.csv")
    shards = tmp_path / "shards"
    run(replace(PARAMS, crop_size=34), archive, tmp_path / "cells.csv", shards)
    assert image_format(shards) == {
        "crop_size": 34,
        "image_size": 32,
        "class_names": ["hem", "all"],
    }


def test_real_images_keep_their_colours(real_sample: Path, tmp_path: Path) -> None:
    cells = split_cells_of_real(real_sample, tmp_path / "cells.csv")
    params = PreprocessParams(expected_size=450, crop_size=None, image_size=64, cells_per_shard=32)
    shards = tmp_path / "shards"
    run(params, real_sample, tmp_path / "cells.csv", shards)
    images = read_split(shards, "train").images
    assert len(images) == (cells["split"] == "train").sum()
    cell = images[np.any(images > 0, axis=-1)].mean(axis=0)
    assert cell[2] > cell[0] > cell[1]  # stained violet: blue over red over green
    shutil.rmtree(shards)


def split_cells_of_real(archive: Path, destination: Path) -> pd.DataFrame:
    with open_archive(archive) as opened:
        cells = training_cells(opened).iloc[::20].reset_index(drop=True)
    cells["split"] = ["train", "val", "test"][: len(cells)] + ["train"] * (len(cells) - 3)
    cells["group"] = cells["subject"]
    write_cells(cells, destination)
    return cells
