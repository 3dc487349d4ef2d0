"""The shard format: written by preprocess, read by train and evaluate.

    <shards>/index.json                          crop and size, classes, the cells of each shard
    <shards>/<split>/<split>-00000.tfrecord      ZLIB level 1, one tf.train.Example a cell

A record holds `image` (the raw bytes of a uint8 array, image_size × image_size × 3, RGB),
`label` (0 HEM, 1 ALL) and `image_id` (the file name). Records stand in the order of cells.csv.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from stages.cells import CLASS_NAMES
from stages.errors import StageError
from stages.files import write_json
from stages.records import RecordsError, read_records
from stages.room import Pixels, room_for

_AS_SEEN = ("crop_size", "image_size", "class_names")
_SIZE = TypeAdapter(Annotated[int, Field(gt=0, strict=True)])
_CELL_COUNTS = TypeAdapter(dict[str, list[Annotated[int, Field(ge=0, strict=True)]]])
_REBUILD = "make the shards again with `dvc repro --force preprocess`"


@dataclass(frozen=True)
class Cells:
    """The cells of one split, decoded.

    Attributes:
        images: uint8, (cells, image_size, image_size, 3), RGB in 0…255; from `room_for` where
            `read_split` has made it. In their place may be what a frozen base finds in them:
            float32, (cells, features).
        labels: int64, (cells,); 0 HEM, 1 ALL.
        image_ids: the file names.
        in_memory: whether the images are; else they are in a file.
    """

    images: np.ndarray[Any, Any]
    labels: np.ndarray[Any, np.dtype[np.int64]]
    image_ids: list[str]
    in_memory: bool = True


def shard_name(split: str, number: int) -> str:
    """Return the path of a shard under the shard folder."""
    return f"{split}/{split}-{number:05d}.tfrecord"


def write_shard(
    records: Iterable[tuple[np.ndarray[Any, np.dtype[np.uint8]], str, str]], path: Path
) -> None:
    """Write (image, class name, image id) records; the same records give the same bytes.

    It asks for no more of TensorFlow than `import_record_writer` brings.

    Raises:
        StageError: if the shard cannot be written.
    """
    from tensorflow.python.framework.errors_impl import OpError
    from tensorflow.python.lib.io.tf_record import TFRecordOptions, TFRecordWriter

    options = TFRecordOptions(compression_type="ZLIB", compression_level=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with TFRecordWriter(str(path), options) as writer:
            for image, label, image_id in records:
                writer.write(_example(image, label, image_id))
    except OpError as error:
        raise StageError(f"{error.message}; mend that and run this again") from error


def write_index(
    shards: Path, *, crop_size: int, image_size: int, cells: dict[str, list[int]]
) -> None:
    """Write the index: how the images were made, and each shard's number of cells, by split.

    Args:
        shards: the shard folder.
        crop_size: pixels of the original image along an edge that an image shows.
        image_size: pixels that it has.
        cells: for each split, the number of cells in each of its shards.
    """
    write_json(
        {
            "crop_size": crop_size,
            "image_size": image_size,
            "class_names": CLASS_NAMES,
            "cells": cells,
        },
        shards / "index.json",
    )


def read_index(shards: Path) -> dict[str, Any]:
    """Read the index. Raises StageError if it is missing, malformed, or has other classes."""
    path = shards / "index.json"
    try:
        index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read ({error}); {_REBUILD}") from error
    keys = (*_AS_SEEN, "cells")
    if not isinstance(index, dict) or not all(key in index for key in keys):
        raise StageError(f"{path}: expected an object with {', '.join(keys)}; {_REBUILD}")
    if index["class_names"] != list(CLASS_NAMES):
        raise StageError(
            f"{path}: classes are {index['class_names']}, expected {list(CLASS_NAMES)}; {_REBUILD}"
        )
    try:
        for key in ("crop_size", "image_size"):
            _SIZE.validate_python(index[key])
        _CELL_COUNTS.validate_python(index["cells"])
    except ValidationError as error:
        raise StageError(
            f"{path}: expected crop_size and image_size as numbers above 0, and in cells for each "
            f"split a list of the numbers of cells in its shards; {_REBUILD}"
        ) from error
    return index


def as_seen(shards: Path) -> dict[str, Any]:
    """Return what a model learns to expect: crop_size, image_size and class_names of the shards."""
    index = read_index(shards)
    return {key: index[key] for key in _AS_SEEN}


def read_split(shards: Path, split: str) -> Cells:
    """Read all cells of a split, in shard order, on all cores.

    Their images, cells × image_size² × 3 bytes, are in memory, or in a file; see stages/room.py.

    Raises:
        StageError: if the split is not in the index or empty, or a shard is missing, corrupt, or
            holds other than what the index says; or if there is no room for the images.
    """
    index = read_index(shards)
    counts = index["cells"].get(split, [])
    if not sum(counts):
        raise StageError(f"{shards}: split {split} holds no cells; change `split` in params.yaml")
    shape = (sum(counts), index["image_size"], index["image_size"], 3)
    images, in_memory = room_for(shape, folder=shards.parent, name=split)
    starts = np.cumsum([0, *counts])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(_read_shard, shards / shard_name(split, number), images[start:end])
            for number, (start, end) in enumerate(itertools.pairwise(starts))
        ]
        try:
            told = [cell for job in jobs for cell in job.result()]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    labels, image_ids = zip(*told, strict=True)
    return Cells(images, np.array(labels, np.int64), list(image_ids), in_memory)


def _read_shard(path: Path, images: Pixels) -> list[tuple[int, str]]:
    """Read a shard's images into an array; return the label and image id of each."""
    told = []
    found = 0
    try:
        for record in read_records(path):
            if found < len(images):
                image, label, image_id = _cell(record)
                images[found] = _shaped(image, images.shape[1], path)
                told.append((label, image_id))
            found += 1
    except (OSError, RecordsError) as error:
        raise StageError(f"{path} is missing or corrupt ({error}); {_REBUILD}") from error
    if found != len(images):
        raise StageError(f"{path} holds {found} cells, expected {len(images)}; {_REBUILD}")
    return told


def _cell(record: bytes) -> tuple[bytes, int, str]:
    """Return image, label and image id of a record.

    Raises:
        RecordsError: if it is of another kind.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.example.example_pb2 import Example

    try:
        features = Example.FromString(record).features.feature
        (image,) = features["image"].bytes_list.value
        (label,) = features["label"].int64_list.value
        (image_id,) = features["image_id"].bytes_list.value
        return image, label, image_id.decode()
    except (DecodeError, ValueError) as error:
        raise RecordsError(f"a record is not of image, label and image_id: {error}") from error


def _shaped(content: bytes, size: int, path: Path) -> Pixels:
    pixels = np.frombuffer(content, np.uint8)
    if pixels.size != size * size * 3:
        raise StageError(
            f"{path}: an image has {pixels.size} bytes, expected {size}×{size}×3; {_REBUILD}"
        )
    return pixels.reshape(size, size, 3)


def _example(image: np.ndarray[Any, np.dtype[np.uint8]], label: str, image_id: str) -> bytes:
    from tensorflow.core.example.example_pb2 import Example
    from tensorflow.core.example.feature_pb2 import BytesList, Feature, Features, Int64List

    features = {
        "image": Feature(bytes_list=BytesList(value=[image.tobytes()])),
        "label": Feature(int64_list=Int64List(value=[CLASS_NAMES.index(label)])),
        "image_id": Feature(bytes_list=BytesList(value=[image_id.encode()])),
    }
    example = Example(features=Features(feature=features))
    content: bytes = example.SerializeToString(deterministic=True)  # a map has no order of its own
    return content
