from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.dataset.archive import open_archive
from stages.dataset.archive_cells import external_cells, training_cells
from stages.dataset.cell_table import TRAINING
from stages.dataset.shard_reader import Cells, image_format, read_part
from stages.preprocess.__main__ import preprocess
from stages.preprocess.appearance import appearance
from stages.preprocess.image_fit import fit_image
from stages.preprocess.images import read_image
from stages.preprocess.params import PreprocessParams
from stages.preprocess.write_shards import CellSet, write_shards
from tests.conftest import TINY_SIZE, WriteArchive, bmp, tiny_members
from tests.external_sets import no_external_sets, with_external_sets
from tests.own_sets import encoded, picture

pytestmark = pytest.mark.integration

PARAMS = PreprocessParams(
    fit="exact",
    crop_size=None,
    image_size=32,
    background=[0, 0, 0],
    microns_per_pixel=None,
    cells_per_shard=10,
)


def run(
    params: PreprocessParams, archive: Path, folder: Path, *, external: Path | None = None
) -> str:
    """Run the stage; its outputs are in the folder."""
    return preprocess(
        params,
        archive=archive,
        external=external or no_external_sets(folder),
        training_shards=folder / "training",
        external_shards=folder / "external",
        appearance_csv=folder / "appearance.csv",
    )


def cells_of(archive: Path) -> dict[str, pd.DataFrame]:
    """The tables of both sets, each of one part."""
    with open_archive(archive) as opened:
        return {
            "training": training_cells(opened).assign(split="train"),
            "external": external_cells(opened).assign(split="train"),
        }


FOLDERS = {"training": "training", "external": "external/external"}
"""The shard folder of each set."""


def read_all(archive: Path, folder: Path, name: str = "training") -> Cells:
    return read_part(folder / FOLDERS[name], cells_of(archive)[name], "train")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def archive(write_archive: WriteArchive) -> Path:
    return write_archive()


def test_every_cell_of_the_archive_is_in_its_shards_once(archive: Path, tmp_path: Path) -> None:
    line = run(PARAMS, archive, tmp_path)
    measured = pd.read_csv(tmp_path / "appearance.csv").set_index("image")
    appearances = measured.drop(columns="set")
    for name, rows in cells_of(archive).items():
        read = read_all(archive, tmp_path, name)
        index = image_format(tmp_path / FOLDERS[name])
        assert (index["crop_size"], index["image_size"]) == (TINY_SIZE, 32)
        written = pd.read_csv(tmp_path / FOLDERS[name] / "records.csv")["image"].tolist()
        assert written == sorted(written) == read.image_ids == rows["image"].tolist()
        assert read.labels.tolist() == (rows["label"] == "all").astype(int).tolist()
        assert read.images.shape == (len(rows), 32, 32, 3)
        found = appearances.loc[read.image_ids]
        assert list(found.itertuples(index=False, name=None)) == [
            appearance(image) for image in read.images
        ]
    assert "48 training and 2 external cells of 32 px" in line
    assert measured["set"].tolist() == 48 * ["training"] + 2 * ["external"]
    assert list(appearances.index) == [*sorted(appearances.index[:48]), "1.bmp", "2.bmp"]


def test_shards_are_filled_in_order_and_the_last_one_holds_the_rest(
    archive: Path, tmp_path: Path
) -> None:
    run(PARAMS, archive, tmp_path)
    records = pd.read_csv(tmp_path / "training/records.csv")
    assert records["shard"].tolist() == [number // 10 for number in range(48)]
    names = sorted(path.name for path in (tmp_path / "training").glob("*.tfrecord"))
    assert names == [f"shard-0000{number}.tfrecord" for number in range(5)]


def test_the_bytes_do_not_depend_on_the_number_of_workers(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for workers in (1, 3, 8):
        monkeypatch.setattr("os.cpu_count", lambda workers=workers: workers)
        run(PARAMS, archive, tmp_path / f"{workers}")
        found.append(digests(tmp_path / f"{workers}"))
    assert found[0] == found[1] == found[2]


def test_other_external_cells_change_no_byte_of_the_training_shards(
    write_archive: WriteArchive, tmp_path: Path
) -> None:
    for external in (0, 2):
        archive = write_archive(tiny_members(external=external), name=f"{external}.zip")
        run(PARAMS, archive, tmp_path / f"{external}")
    without, both = (digests(tmp_path / f"{external}/training") for external in (0, 2))
    assert without == both


def test_without_external_sets_their_folder_is_empty(
    write_archive: WriteArchive, tmp_path: Path
) -> None:
    run(PARAMS, write_archive(tiny_members(external=0)), tmp_path)
    assert list((tmp_path / "external").iterdir()) == []


def external_pictures() -> dict[str, bytes]:
    """Cells of 60 × 48 px on grey, of two classes."""
    return {
        f"{label}/{number}.png": encoded(picture(100 * place + number, size=(60, 48)))
        for place, label in enumerate(("all", "hem"))
        for number in range(2)
    }


def test_an_external_set_has_its_own_fit_and_changes_no_byte_of_training(
    archive: Path, tmp_path: Path
) -> None:
    run(PARAMS, archive, tmp_path / "without")
    folder = tmp_path / "with"
    chosen = {"fit": "crop", "crop_size": 40, "background": [9, 9, 9]}
    external = with_external_sets(folder, {"zurich": external_pictures()}, **chosen)
    line = run(PARAMS, archive, folder, external=external)
    assert "48 training and 2 external and 4 zurich cells of 32 px" in line
    assert digests(folder / "training") == digests(tmp_path / "without/training")
    assert image_format(folder / "external/zurich")["crop_size"] == 40
    with open_archive(external / "zurich.zip") as opened:
        cells = training_cells(opened).assign(split="zurich")
        images = [read_image(opened, member) for member in cells["member"]]
    params = replace(PARAMS, **chosen)
    for pixels, image in zip(
        read_part(folder / "external/zurich", cells, "zurich").images[:], images, strict=True
    ):
        assert (pixels == np.asarray(fit_image(image, params, microns_per_pixel=None))).all()
    measured = pd.read_csv(folder / "appearance.csv")
    assert measured["set"].value_counts()["zurich"] == 4


def test_the_scale_of_an_external_set_brings_it_to_that_of_training(
    archive: Path, tmp_path: Path
) -> None:
    params = replace(PARAMS, microns_per_pixel=0.2)
    images = []
    for size, scale in ((24, 0.1), (48, None)):  # half as many pixels of training are 48 of theirs
        folder = tmp_path / f"{size}"
        chosen = {"fit": "crop", "crop_size": size, "microns_per_pixel": scale}
        external = with_external_sets(folder, {"zurich": external_pictures()}, **chosen)
        run(params, archive, folder, external=external)
        with open_archive(external / "zurich.zip") as opened:
            cells = training_cells(opened).assign(split="zurich")
        images.append(read_part(folder / "external/zurich", cells, "zurich").images[:])
    assert (images[0] == images[1]).all()


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (
            {"fit": "exact"},
            r"zurich\.zip: .*: an image is 60×48, expected a square where "
            r"`download\.external zurich\.fit` is exact",
        ),
        (
            {"fit": "crop", "crop_size": 30, "microns_per_pixel": 0.1},
            r"`download\.external zurich\.microns_per_pixel` is 0\.1, and "
            r"`preprocess\.microns_per_pixel`, that of the training images, is null; set it, too",
        ),
    ],
)
def test_a_fit_that_does_not_fit_an_external_set_is_told_with_its_name(
    archive: Path, tmp_path: Path, chosen: dict[str, Any], told: str
) -> None:
    external = with_external_sets(tmp_path, {"zurich": external_pictures()}, **chosen)
    with pytest.raises(StageError, match=told):
        run(PARAMS, archive, tmp_path, external=external)


def test_exact_images_of_another_size_than_training_are_refused(
    archive: Path, tmp_path: Path
) -> None:
    squares = {f"{label}/1.bmp": bmp(n, size=40) for n, label in enumerate(("all", "hem"))}
    external = with_external_sets(tmp_path, {"zurich": squares}, fit="exact")
    told = r"images of zurich are 40 px wide, .* and those of the training set 36, of which 36;"
    with pytest.raises(StageError, match=told):
        run(PARAMS, archive, tmp_path, external=external)
    assert not (tmp_path / "training").exists()


def test_after_an_error_the_old_shards_stand_and_nothing_new_does(
    write_archive: WriteArchive, tmp_path: Path
) -> None:
    members = tiny_members()
    folder = tmp_path / "out"
    run(PARAMS, write_archive(members), folder)
    before = digests(folder)
    last = max(name for name in members if "/fold_" in name)
    broken = write_archive(members | {last: bmp(1, size=TINY_SIZE + 2)}, name="broken.zip")
    told = rf"of 2 sizes: 36×36 \(47\), 38×38 \(1\), the last one of {Path(last).name}; expected"
    with pytest.raises(StageError, match=told):
        run(PARAMS, broken, folder)
    assert digests(folder) == before


def test_a_full_disk_is_told_in_one_line(archive: Path, tmp_path: Path) -> None:
    cells, shard = cells_of(archive)["training"], tmp_path / "shards/shard-00000.tfrecord"
    shard.parent.mkdir()
    shard.symlink_to("/dev/full")
    params = replace(PARAMS, cells_per_shard=len(cells))
    with pytest.raises(StageError) as caught:
        write_shards([(CellSet(TRAINING, archive, cells, params), shard.parent)])
    assert str(caught.value) == f"{shard}; No space left on device; mend that and run this again"


def test_a_crop_larger_than_the_images_is_refused(archive: Path, tmp_path: Path) -> None:
    params = replace(PARAMS, crop_size=TINY_SIZE + 1)
    with pytest.raises(StageError, match=r"_all\.bmp: the images are 36×36, and .* is 37; set it"):
        run(params, archive, tmp_path)


def test_the_index_says_how_much_of_an_image_the_crop_left(archive: Path, tmp_path: Path) -> None:
    run(replace(PARAMS, crop_size=34), archive, tmp_path)
    assert image_format(tmp_path / "training") == {
        "crop_size": 34,
        "image_size": 32,
        "class_names": ["hem", "all"],
    }


def test_images_of_any_size_are_cropped_or_taken_whole(
    write_archive: WriteArchive, tmp_path: Path
) -> None:
    members = tiny_members()
    last = max(name for name in members if "/fold_" in name)
    archive = write_archive(members | {last: bmp(1, size=TINY_SIZE + 2)})
    for params, crop_size in (
        (replace(PARAMS, fit="crop", crop_size=40), 40),
        (replace(PARAMS, fit="whole"), None),
    ):
        run(params, archive, tmp_path)
        assert image_format(tmp_path / "training")["crop_size"] == crop_size
        assert len(read_all(archive, tmp_path).images) == 48


def test_a_column_of_the_cells_says_their_scale(archive: Path, tmp_path: Path) -> None:
    cells = cells_of(archive)["training"].iloc[:2]
    params = replace(PARAMS, fit="crop", crop_size=18, microns_per_pixel=1.0)
    for name, scales in (("own", ["0.5", "1"]), ("unlike", ["0.5", ""])):
        scaled = cells.assign(microns_per_pixel=scales)
        if name == "unlike":
            with pytest.raises(StageError, match="the scale of an image is not known; set it to n"):
                write_shards([(CellSet(TRAINING, archive, scaled, params), tmp_path / name)])
        else:
            write_shards([(CellSet(TRAINING, archive, scaled, params), tmp_path / name)])
    first, second = read_part(tmp_path / "own", cells, "train").images
    with open_archive(archive) as opened:
        images = [read_image(opened, member) for member in cells["member"]]
    whole = replace(PARAMS, crop_size=36)
    centre = replace(PARAMS, crop_size=18)
    for pixels, image, alike in ((first, images[0], whole), (second, images[1], centre)):
        assert (pixels == np.asarray(fit_image(image, alike, microns_per_pixel=None))).all()


def test_real_images_keep_their_colours(real_sample: Path, tmp_path: Path) -> None:
    params = replace(PARAMS, image_size=64)
    with open_archive(real_sample) as opened:
        cells = training_cells(opened).iloc[::20].assign(split="train")
    write_shards([(CellSet(TRAINING, real_sample, cells, params), tmp_path / "shards")])
    images = read_part(tmp_path / "shards", cells, "train").images[:]
    assert len(images) == len(cells)
    cell = images[np.any(images > 0, axis=-1)].mean(axis=0)
    assert cell[2] > cell[0] > cell[1]  # stained violet: blue over red over green
