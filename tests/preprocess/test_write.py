import pandas as pd

from stages.preprocess.write import plan_shards


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
