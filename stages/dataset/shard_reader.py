"""Read shards and their index; see shards.py for the format."""

from __future__ import annotations

import itertools
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.image_buffer import Pixels, allocate_images
from stages.dataset.shards import shard_name
from stages.dataset.tfrecord import RecordsError, read_records

_FORMAT_KEYS = ("crop_size", "image_size", "class_names")
_SIZE = TypeAdapter(Annotated[int, Field(gt=0, strict=True)])
_CELL_COUNTS = TypeAdapter(dict[str, list[Annotated[int, Field(ge=0, strict=True)]]])
_REBUILD = "make the shards again with `dvc repro --force preprocess`"


@dataclass(frozen=True)
class Cells:
    """The cells of one split, decoded.

    Attributes:
        images: uint8, (cells, image_size, image_size, 3), RGB in 0…255, as from `read_split`; or
            the features that a frozen base computes from them, float32, (cells, features).
        labels: int64, (cells,); 0 HEM, 1 ALL.
        image_ids: the file names.
        in_memory: whether the images are in memory; else they are in a memory-mapped file.
    """

    images: np.ndarray[Any, Any]
    labels: np.ndarray[Any, np.dtype[np.int64]]
    image_ids: list[str]
    in_memory: bool = True


def read_index(shards: Path) -> dict[str, Any]:
    """Read the index. Raises StageError if it is missing, malformed, or has other classes."""
    path = shards / "index.json"
    try:
        index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read ({error}); {_REBUILD}") from error
    keys = (*_FORMAT_KEYS, "cells")
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


def image_format(shards: Path) -> dict[str, Any]:
    """Return the format of a model's input: crop_size, image_size and class_names of the shards."""
    index = read_index(shards)
    return {key: index[key] for key in _FORMAT_KEYS}


def read_split(shards: Path, split: str) -> Cells:
    """Read all cells of a split, in shard order, on all cores.

    The images take cells × image_size² × 3 bytes, in memory or in a file; see image_buffer.py.

    Raises:
        StageError: if the split is empty or not in the index; if a shard is missing, corrupt, or
            does not match the index; or if neither memory nor disk has space for the images.
    """
    index = read_index(shards)
    counts = index["cells"].get(split, [])
    if not sum(counts):
        raise StageError(f"{shards}: split {split} holds no cells; change `split` in params.yaml")
    shape = (sum(counts), index["image_size"], index["image_size"], 3)
    images, in_memory = allocate_images(shape, folder=shards.parent, name=split)
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
                image, label, image_id = _parse_record(record)
                images[found] = _to_pixels(image, images.shape[1], path)
                told.append((label, image_id))
            found += 1
    except (OSError, RecordsError) as error:
        raise StageError(f"{path} is missing or corrupt ({error}); {_REBUILD}") from error
    if found != len(images):
        raise StageError(f"{path} holds {found} cells, expected {len(images)}; {_REBUILD}")
    return told


def _parse_record(record: bytes) -> tuple[bytes, int, str]:
    """Return image, label and image id of a record.

    Raises:
        RecordsError: if the record is not an Example with these features.
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


def _to_pixels(content: bytes, size: int, path: Path) -> Pixels:
    pixels = np.frombuffer(content, np.uint8)
    if pixels.size != size * size * 3:
        raise StageError(
            f"{path}: an image has {pixels.size} bytes, expected {size}×{size}×3; {_REBUILD}"
        )
    return pixels.reshape(size, size, 3)
