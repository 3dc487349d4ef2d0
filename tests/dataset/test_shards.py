from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.shard_reader import image_format, read_part
from stages.dataset.shard_writer import Record, write_shard
from tests.shard_folder import table_of, write_shards

SIZE = 4
REBUILD = "; make the shards again with `dvc repro --force --single-item preprocess`"


def records(number: int, *, size: int = SIZE, seed: int = 0) -> list[Record]:
    """Noise of both classes in turn."""
    random = np.random.default_rng(seed)
    return [
        (
            random.integers(0, 256, (size, size, 3), np.uint8),
            CLASS_NAMES[position % 2],
            f"UID_{seed}_{position}.bmp",
        )
        for position in range(number)
    ]


FIVE = table_of({"test": records(5)})


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A folder of two shards, of three cells and of two; all of them are for test."""
    return write_shards(tmp_path / "shards", records(5), image_size=SIZE, per_shard=3)


def failure(shards: Path, cells: pd.DataFrame = FIVE, part: str = "test") -> str:
    """The one line in which the cells are refused, without the path of the shard folder."""
    with pytest.raises(StageError) as caught:
        read_part(shards, cells, part).images[:]
    message = str(caught.value)
    assert str(shards) in message
    assert "\n" not in message
    return message.replace(str(shards), "")


def change_index(shards: Path, **changes: Any) -> None:
    path = shards / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_records(shards: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = shards / "records.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)


def stack(written: Sequence[Record]) -> np.ndarray[Any, Any]:
    return np.stack([image for image, _, _ in written])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 6),
    count=st.integers(1, 9),
    per_shard=st.integers(1, 4),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_any_cells_are_read_as_they_were_written_in_the_order_of_the_table(
    tmp_path: Path, size: int, count: int, per_shard: int, seed: int, data: st.DataObject
) -> None:
    written = records(count, size=size, seed=seed)
    shutil.rmtree(tmp_path / "shards", ignore_errors=True)
    write_shards(tmp_path / "shards", written, image_size=size, per_shard=per_shard)
    order = data.draw(st.permutations(range(count)))
    first = data.draw(st.integers(1, count))
    wanted, others = ([written[at] for at in part] for part in (order[:first], order[first:]))
    cells = read_part(tmp_path / "shards", table_of({"train": others, "val": wanted}), "val")
    assert (cells.images[:].dtype, cells.labels.dtype) == (np.uint8, np.int64)
    assert np.array_equal(cells.images[:], stack(wanted))
    assert cells.labels.tolist() == [int(label == "all") for _, label, _ in wanted]
    assert cells.image_ids == [image_id for _, _, image_id in wanted]
    assert cells.subjects == [str(len(others) + number) for number in range(1, first + 1)]


def test_a_part_is_read_without_the_others(tmp_path: Path) -> None:
    """Neither are they in memory, nor does it matter what is in their place."""
    size, written = 128, records(100, size=128)
    shards = write_shards(tmp_path / "shards", written, image_size=size, per_shard=50)
    wanted = written[::20]
    named = {image_id for _, _, image_id in wanted}
    cells = table_of({"test": wanted, "train": [one for one in written if one[2] not in named]})
    for row in pd.read_csv(shards / "records.csv").itertuples():
        if row.image not in named:
            with (shards / f"shard-{row.shard:05d}.tfrecord").open("r+b") as file:
                file.seek(row.offset)
                file.write(b"x" * row.size)
    read_part(shards, cells, "test").images[:]  # what stays after the first time
    tracemalloc.start()
    found = read_part(shards, cells, "test").images[:]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.array_equal(found, stack(wanted))
    assert peak < 20 * 3 * size**2  # of 100 images, where 5 are wanted


def test_images_are_taken_as_from_an_array(shards: Path) -> None:
    images = read_part(shards, FIVE, "test").images
    expected = stack(records(5))
    assert (len(images), images.shape) == (5, expected.shape)
    for wanted in (2, -1, np.int64(3), np.array(4), slice(1, 4), slice(None, 0), [3, 0, 3]):
        assert np.array_equal(images[wanted], expected[wanted])
    with pytest.raises(IndexError):
        images[5]


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_shard(iter(records(5)), tmp_path / name)
    one, two = ((tmp_path / name / "shard-00000.tfrecord").read_bytes() for name in ("one", "two"))
    assert one == two


def test_the_bytes_of_an_image_do_not_depend_on_those_before_it(tmp_path: Path) -> None:
    image = (np.arange(64 * 64 * 3) // 50).astype(np.uint8).reshape(64, 64, 3)
    last = (image, "all", "last.bmp")
    frames = []
    for number, before in enumerate(([], records(3, size=64), [last] * 4)):
        rows = write_shard([*before, last], tmp_path, number=number)
        row = rows.iloc[-1]
        content = (tmp_path / f"shard-{number:05d}.tfrecord").read_bytes()
        frames.append(content[row["offset"] :][: row["size"]])
    assert frames[0] == frames[1] == frames[2]


def test_the_black_around_a_cell_takes_no_room(tmp_path: Path) -> None:
    black = np.zeros((64, 64, 3), np.uint8)
    write_shard([(black, "all", "UID_1_1_1_all.bmp")], tmp_path)
    assert (tmp_path / "shard-00000.tfrecord").stat().st_size < black.size / 10


def test_a_record_is_what_the_format_says(shards: Path) -> None:
    paths = [str(shards / f"shard-0000{number}.tfrecord") for number in (0, 1)]
    read = [tf.train.Example.FromString(each.numpy()) for each in tf.data.TFRecordDataset(paths)]
    assert len(read) == 5
    for example, (image, label, image_id) in zip(read, records(5), strict=True):
        features = example.features.feature
        assert set(features) == {"image", "label", "image_id"}
        (frame,) = features["image"].bytes_list.value
        assert zstandard.decompress(frame) == image.tobytes()
        assert features["label"].int64_list.value == [CLASS_NAMES.index(label)]
        assert features["image_id"].bytes_list.value == [image_id.encode()]


def test_the_index_says_what_is_in_the_folder(shards: Path) -> None:
    assert image_format(shards) == {
        "crop_size": 450,
        "image_size": SIZE,
        "class_names": ["hem", "all"],
    }
    table = pd.read_csv(shards / "records.csv")
    assert table["image"].tolist() == [image_id for _, _, image_id in records(5)]
    assert table["label"].tolist() == ["hem", "all", "hem", "all", "hem"]
    assert table["shard"].tolist() == [0, 0, 0, 1, 1]
    files = {path.name for path in shards.iterdir()}
    assert files == {"index.json", "records.csv", "shard-00000.tfrecord", "shard-00001.tfrecord"}


def test_a_folder_without_cells_has_an_index(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", [], image_size=SIZE)
    assert image_format(shards)["image_size"] == SIZE
    assert failure(shards).startswith("UID_0_0.bmp is not in , and of class hem in the table")


def test_a_missing_shard_is_told(shards: Path) -> None:
    (shards / "shard-00001.tfrecord").unlink()
    message = failure(shards)
    assert message.startswith("/shard-00001.tfrecord is missing or corrupt (")
    assert "No such file or directory" in message
    assert message.endswith(REBUILD)


def test_a_shard_that_is_cut_off_is_told(shards: Path) -> None:
    path = shards / "shard-00000.tfrecord"
    content = path.read_bytes()
    for length in (0, 2, 60, len(content) // 2, len(content) - 120):
        path.write_bytes(content[:length])
        assert failure(shards).startswith("/shard-00000.tfrecord is missing or corrupt")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_damage_is_either_harmless_or_told(
    tmp_path: Path, place: float, bit: int, *, cut: bool
) -> None:
    """Harmless where nothing is read: between the frames, and after the last one."""
    written = records(3)
    shards = write_shards(tmp_path / "shards", written, image_size=SIZE)
    path = shards / "shard-00000.tfrecord"
    content = bytearray(path.read_bytes())
    position = int(place * len(content))
    if cut:
        del content[position:]
    else:
        content[position] ^= 1 << bit
    path.write_bytes(content)
    cells = table_of({"test": written})
    try:
        found = read_part(shards, cells, "test").images[:]
    except StageError:
        assert failure(shards, cells).startswith("/shard-00000.tfrecord is missing or corrupt (")
    else:
        assert np.array_equal(found, stack(written))
        frames = pd.read_csv(shards / "records.csv")
        inside = (frames["offset"] <= position) & (position < frames["offset"] + frames["size"])
        # A frame's fifth byte has a bit without a meaning.
        assert not inside.any() or (not cut and position - frames["offset"][inside].item() == 4)


def test_a_frame_of_a_damaged_size_is_not_allocated(shards: Path) -> None:
    three = table_of({"test": records(3)})
    content = zstandard.ZstdCompressor().compress(bytes(2**27))
    (shards / "shard-00000.tfrecord").write_bytes(content)
    change_records(shards, lambda table: table.iloc[:3].assign(offset=0, size=len(content)))
    tracemalloc.start()
    assert "an image has 134217728 bytes, expected 4×4×3" in failure(shards, three)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


def test_images_of_another_size_than_in_the_index_are_told(shards: Path) -> None:
    change_index(shards, image_size=5)
    assert "corrupt (an image has 48 bytes, expected 5×5×3)" in failure(shards)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda table: table.iloc[1:], "UID_0_0.bmp is not in , and of class hem in the table of"),
        (lambda table: table.assign(label="all"), "UID_0_0.bmp is of class all in , and of class"),
        (
            lambda table: pd.concat([table, table.iloc[3:]]),
            "/records.csv: UID_0_3.bmp stands in two rows",
        ),
        (lambda table: table.drop(columns="size"), "/records.csv: columns are image, label, shard"),
        (lambda table: table.assign(offset="a"), "/records.csv cannot be read ("),
        (lambda table: table.assign(offset=2**70), "/records.csv cannot be read ("),
        (lambda table: table.assign(offset=-4), "/shard-00000.tfrecord is missing or corrupt"),
        (lambda table: table.assign(size=-4), "/shard-00000.tfrecord is missing or corrupt"),
        (lambda table: table.assign(shard=7), "/shard-00007.tfrecord is missing or corrupt"),
    ],
)
def test_shards_that_do_not_fit_the_table_of_cells_are_told(
    shards: Path, change: Callable[[pd.DataFrame], pd.DataFrame], problem: str
) -> None:
    change_records(shards, change)
    message = failure(shards)
    assert message.startswith(problem)
    assert message.endswith(REBUILD)


def test_missing_records_are_told(shards: Path) -> None:
    (shards / "records.csv").unlink()
    assert failure(shards).startswith("/records.csv cannot be read (")


def test_an_empty_part_is_told(shards: Path) -> None:
    assert failure(shards, part="val") == (
        ": no cells are listed for val; change `split` in params.yaml"
    )


@pytest.mark.parametrize("classes", [["all", "hem"], ["hem"], "hem", None])
def test_other_classes_in_the_index_are_told(shards: Path, classes: Any) -> None:
    change_index(shards, class_names=classes)
    message = failure(shards)
    assert message == f"/index.json: classes are {classes}, expected ['hem', 'all']{REBUILD}"


@pytest.mark.parametrize(
    "changes",
    [
        {"crop_size": "450"},
        {"crop_size": 0},
        {"image_size": "4"},
        {"image_size": 0},
        {"image_size": True},
    ],
)
def test_an_index_of_other_types_is_told(shards: Path, changes: dict[str, Any]) -> None:
    change_index(shards, **changes)
    assert failure(shards).startswith(
        "/index.json: expected image_size as a number above 0, and crop_size as"
    )


@pytest.mark.parametrize("key", ["crop_size", "image_size", "class_names"])
def test_an_incomplete_index_is_told(shards: Path, key: str) -> None:
    path = shards / "index.json"
    index = json.loads(path.read_text())
    del index[key]
    path.write_text(json.dumps(index))
    expected = "expected an object with crop_size, image_size, class_names"
    assert failure(shards) == f"/index.json: {expected}{REBUILD}"


@pytest.mark.parametrize("content", ["[]", '"image_size class_names"', "null", "5"])
def test_an_index_that_is_no_object_is_told(shards: Path, content: str) -> None:
    (shards / "index.json").write_text(content)
    assert failure(shards).startswith("/index.json: expected an object with crop_size, ")


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff"])
def test_an_index_that_cannot_be_read_is_told(shards: Path, content: bytes | None) -> None:
    path = shards / "index.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    message = failure(shards)
    assert message.startswith("/index.json cannot be read (")
    assert message.endswith(REBUILD)
