from __future__ import annotations

import json
import re
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.image_buffer import ALIGNMENT
from stages.dataset.shard_reader import read_index, read_split
from stages.dataset.shard_writer import write_index, write_shard
from stages.dataset.shards import shard_name

Record = tuple[np.ndarray[Any, np.dtype[np.uint8]], str, str]
SIZE = 4
REBUILD = "; make the shards again with `dvc repro --force preprocess`"


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


def write(shards: Path, parts: dict[str, list[list[Record]]], *, size: int = SIZE) -> None:
    """Write the shards of each split, and their index."""
    for split, portions in parts.items():
        for number, portion in enumerate(portions):
            write_shard(portion, shards / shard_name(split, number))
    counts = {split: [len(portion) for portion in portions] for split, portions in parts.items()}
    write_index(shards, crop_size=450, image_size=size, cells=counts)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A folder of two shards of test cells, of three and of two cells."""
    write(tmp_path / "shards", {"test": [records(3), records(2, seed=1)]})
    return tmp_path / "shards"


def failure(shards: Path, split: str = "test") -> str:
    """The one line in which the split is refused; it lies in the shard folder."""
    with pytest.raises(StageError) as caught:
        read_split(shards, split)
    message = str(caught.value)
    assert message.startswith(str(shards))
    assert "\n" not in message
    return message.removeprefix(f"{shards}")


def change_index(shards: Path, **changes: Any) -> None:
    path = shards / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def write_examples(path: Path, *examples: bytes) -> None:
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="ZLIB")) as writer:
        for example in examples:
            writer.write(example)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 6),
    counts=st.lists(st.integers(0, 4), min_size=1, max_size=3).filter(any),
    seed=st.integers(0, 1000),
)
def test_cells_are_read_as_they_were_written_in_order(
    tmp_path: Path, size: int, counts: list[int], seed: int
) -> None:
    portions = [
        records(count, size=size, seed=seed + number) for number, count in enumerate(counts)
    ]
    shutil.rmtree(tmp_path / "shards", ignore_errors=True)
    write(tmp_path / "shards", {"val": portions}, size=size)
    cells = read_split(tmp_path / "shards", "val")
    written = [record for portion in portions for record in portion]
    assert (cells.images.dtype, cells.labels.dtype) == (np.uint8, np.int64)
    assert np.array_equal(cells.images, np.stack([image for image, _, _ in written]))
    assert cells.labels.tolist() == [int(label == "all") for _, label, _ in written]
    assert cells.image_ids == [image_id for _, _, image_id in written]


@pytest.mark.parametrize("split", ["test", "train"])
def test_images_are_read_to_where_tensorflow_takes_them_without_a_copy(
    shards: Path, split: str
) -> None:
    write(shards, {"test": [records(3)], "train": [records(1, seed=2)]})
    images = read_split(shards, split).images
    assert images.ctypes.data % ALIGNMENT == 0
    assert images.flags.carray


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_shard(iter(records(5)), tmp_path / name / "test.tfrecord")
    one, two = ((tmp_path / name / "test.tfrecord").read_bytes() for name in ("one", "two"))
    assert one == two


def test_the_black_around_a_cell_takes_no_room(tmp_path: Path) -> None:
    black = np.zeros((64, 64, 3), np.uint8)
    write_shard([(black, "all", "UID_1_1_1_all.bmp")], tmp_path / "test.tfrecord")
    assert (tmp_path / "test.tfrecord").stat().st_size < black.size / 10


def test_a_record_is_what_the_format_says(shards: Path) -> None:
    content = zlib.decompress((shards / "test/test-00000.tfrecord").read_bytes())
    length = int.from_bytes(content[:8], "little")
    example = tf.train.Example.FromString(content[12 : 12 + length])
    image, label, image_id = records(1)[0]
    features = example.features.feature
    assert set(features) == {"image", "label", "image_id"}
    assert features["image"].bytes_list.value == [image.tobytes()]
    assert features["label"].int64_list.value == [CLASS_NAMES.index(label)]
    assert features["image_id"].bytes_list.value == [image_id.encode()]


def test_the_index_says_what_is_in_the_folder(shards: Path) -> None:
    assert read_index(shards) == {
        "crop_size": 450,
        "image_size": SIZE,
        "class_names": ["hem", "all"],
        "cells": {"test": [3, 2]},
    }
    files = {str(path.relative_to(shards)) for path in shards.rglob("*") if path.is_file()}
    assert files == {"index.json", "test/test-00000.tfrecord", "test/test-00001.tfrecord"}


def test_a_split_is_read_whatever_else_is_there(shards: Path) -> None:
    write_shard(records(1, seed=9), shards / shard_name("test", 2))
    assert len(read_split(shards, "test").images) == 5


def test_a_missing_shard_is_told(shards: Path) -> None:
    (shards / "test/test-00001.tfrecord").unlink()
    message = failure(shards)
    assert message.startswith("/test/test-00001.tfrecord is missing or corrupt (")
    assert "No such file or directory" in message
    assert message.endswith(REBUILD)


def test_a_shard_that_is_cut_off_is_told(shards: Path) -> None:
    path = shards / "test/test-00000.tfrecord"
    content = path.read_bytes()
    for length in (0, 2, 60, len(content) // 2, len(content) - 12):
        path.write_bytes(content[:length])
        assert re.match(
            r"/test/test-00000.tfrecord (is missing or corrupt|holds \d cells, expected 3)",
            message := failure(shards),
        )
        assert "{{" not in message  # the names of TensorFlow's inner nodes
        assert "[Op:" not in message


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_damage_is_either_harmless_or_told(
    tmp_path: Path, place: float, bit: int, *, cut: bool
) -> None:
    shards = tmp_path / "shards"
    write(shards, {"test": [records(3)]})
    path = shards / "test/test-00000.tfrecord"
    content = bytearray(path.read_bytes())
    position = int(place * len(content))
    if cut:
        del content[position:]
    else:
        content[position] ^= 1 << bit
    path.write_bytes(content)
    try:
        cells = read_split(shards, "test")
    except StageError:
        assert failure(shards).startswith("/test/test-00000.tfrecord ")
    else:  # in the bits with which the last byte before the checksum is filled up
        assert not cut
        assert position == len(content) - 5
        assert np.array_equal(cells.images, np.stack([image for image, _, _ in records(3)]))
        assert cells.image_ids == [image_id for _, _, image_id in records(3)]


@pytest.mark.parametrize("place", [1, 2, 3, 4])
@pytest.mark.parametrize("cut", [False, True])
def test_damage_in_the_checksum_at_the_end_is_told(tmp_path: Path, place: int, cut: bool) -> None:
    shards = tmp_path / "shards"
    write(shards, {"test": [records(3)]})
    path = shards / "test/test-00000.tfrecord"
    content = path.read_bytes()
    changed = bytes([content[-place] ^ 1]) + content[len(content) - place + 1 :]
    path.write_bytes(content[:-place] + (b"" if cut else changed))
    assert failure(shards).startswith("/test/test-00000.tfrecord is missing or corrupt")


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        ([2, 2], "00000.tfrecord holds 3 cells, expected 2"),
        ([4, 2], "00000.tfrecord holds 3 cells, expected 4"),
        ([3, 1], "00001.tfrecord holds 2 cells, expected 1"),
        ([2, 3], "00000.tfrecord holds 3 cells, expected 2"),
    ],
)
def test_another_number_of_cells_than_in_the_index_is_told(
    shards: Path, counts: list[int], problem: str
) -> None:
    change_index(shards, cells={"test": counts})
    assert failure(shards) == f"/test/test-{problem}{REBUILD}"


def test_images_of_another_size_than_in_the_index_are_told(shards: Path) -> None:
    change_index(shards, image_size=5)
    message = failure(shards)
    assert message == f"/test/test-00000.tfrecord: an image has 48 bytes, expected 5×5×3{REBUILD}"


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        (b"no example", "a record is not of image, label and image_id: Error parsing message"),
        (tf.train.Example().SerializeToString(), "a record is not of image, label and image_id: "),
    ],
)
def test_a_record_of_another_kind_is_told(shards: Path, example: bytes, problem: str) -> None:
    write_examples(shards / "test/test-00000.tfrecord", example)
    message = failure(shards)
    assert message.startswith("/test/test-00000.tfrecord is missing or corrupt (")
    assert problem in message


@pytest.mark.parametrize("cells", [{}, {"test": []}, {"test": [0]}])
def test_an_empty_split_is_told(shards: Path, cells: dict[str, list[int]]) -> None:
    change_index(shards, cells=cells)
    assert failure(shards) == ": split test holds no cells; change `split` in params.yaml"


@pytest.mark.parametrize("classes", [["all", "hem"], ["hem"], "hem", None])
def test_other_classes_in_the_index_are_told(shards: Path, classes: Any) -> None:
    change_index(shards, class_names=classes)
    message = failure(shards)
    assert message == f"/index.json: classes are {classes}, expected ['hem', 'all']{REBUILD}"


@pytest.mark.parametrize(
    "changes",
    [
        {"crop_size": None},
        {"image_size": "4"},
        {"image_size": 0},
        {"image_size": True},
        {"cells": 5},
        {"cells": {"test": 5}},
        {"cells": {"test": ["a"]}},
        {"cells": {"test": [-1, 6]}},
        {"cells": {"train": None}},
    ],
)
def test_an_index_of_other_types_is_told(shards: Path, changes: dict[str, Any]) -> None:
    change_index(shards, **changes)
    assert failure(shards).startswith(
        "/index.json: expected crop_size and image_size as numbers above"
    )


@pytest.mark.parametrize("key", ["crop_size", "image_size", "class_names", "cells"])
def test_an_incomplete_index_is_told(shards: Path, key: str) -> None:
    path = shards / "index.json"
    index = json.loads(path.read_text())
    del index[key]
    path.write_text(json.dumps(index))
    expected = "expected an object with crop_size, image_size, class_names, cells"
    assert failure(shards) == f"/index.json: {expected}{REBUILD}"


@pytest.mark.parametrize("content", ["[]", '"image_size class_names cells"', "null", "5"])
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
