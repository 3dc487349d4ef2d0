from pathlib import Path

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.dataset.archive import open_archive
from stages.dataset.archive_cells import training_cells
from stages.preprocess.params import PreprocessParams
from stages.preprocess.write_shards import plan_shards, write_shards
from tests.conftest import TINY_SIZE, WriteArchive


def cells_of(**counts: int) -> pd.DataFrame:
    splits = [split for split, count in counts.items() for _ in range(count)]
    return pd.DataFrame({"image": [f"{i}.bmp" for i in range(len(splits))], "split": splits})


def test_shards_are_filled_in_the_order_of_the_cells() -> None:
    cells = cells_of(train=24, val=3).iloc[::-1]
    planned = plan_shards(cells, 10)
    assert [len(shard.cells) for shard in planned["train"]] == [10, 10, 4]
    assert planned["train"][2].name == "train/train-00002.tfrecord"
    joined = pd.concat([shard.cells for shard in planned["train"]])
    assert joined["image"].tolist() == cells.loc[cells["split"] == "train", "image"].tolist()


def test_a_split_without_cells_has_no_shards() -> None:
    assert list(plan_shards(cells_of(train=2, test=1), 10)) == ["train", "test"]


@pytest.mark.integration
def test_a_full_disk_is_told_in_one_line(write_archive: WriteArchive, tmp_path: Path) -> None:
    archive, shard = write_archive(), tmp_path / "shards/train/train-00000.tfrecord"
    with open_archive(archive) as opened:
        cells = training_cells(opened).assign(split="train")
    params = PreprocessParams(
        expected_size=TINY_SIZE, crop_size=None, image_size=32, cells_per_shard=len(cells)
    )
    shard.parent.mkdir(parents=True)
    shard.symlink_to("/dev/full")
    planned = plan_shards(cells, params.cells_per_shard)
    with pytest.raises(StageError) as caught:
        write_shards(planned, params, archive=archive, folder=tmp_path / "shards")
    assert str(caught.value) == f"{shard}; No space left on device; mend that and run this again"
