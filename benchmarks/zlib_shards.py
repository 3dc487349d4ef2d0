"""Shards of one part each, every one a single ZLIB stream: the other side of reading.py.

A TFRecord with ZLIB must be inflated from its beginning, so a part that is to be read alone needs
shards of its own. This project had such shards before all cells shared theirs.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from stages.dataset.shard_reader import Cells

_LENGTH, _CHECKSUM = 8, 4
_CHUNK = 2**16
_MOST_INFLATED = 2**20


def write(cells: Cells, folder: Path, *, cells_per_shard: int) -> None:
    """Write the cells of a part as TFRecords with ZLIB, level 1, named after their first cell."""
    import tensorflow as tf

    folder.mkdir()
    options = tf.io.TFRecordOptions(compression_type="ZLIB", compression_level=1)
    for first in range(0, len(cells.labels), cells_per_shard):
        path = folder / f"{first:06d}.tfrecord"
        with tf.io.TFRecordWriter(str(path), options) as writer:
            for row in range(first, min(first + cells_per_shard, len(cells.labels))):
                writer.write(_example(cells, row))


def read(folder: Path, count: int, image_size: int) -> np.ndarray[Any, Any]:
    """Read all cells of a part, on all cores."""
    images = np.empty((count, image_size, image_size, 3), np.uint8)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda path: _read_shard(path, images[int(path.stem) :]), folder.iterdir()))
    return images


def _example(cells: Cells, row: int) -> bytes:
    import tensorflow as tf

    features = {
        "image": tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[cells.images[row].tobytes()])
        ),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[cells.labels[row]])),
        "image_id": tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[cells.image_ids[row].encode()])
        ),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _read_shard(path: Path, images: Sequence[Any]) -> None:
    from tensorflow.core.example.example_pb2 import Example

    for record, image in zip(_records(path), images, strict=False):
        features = Example.FromString(record).features.feature
        (content,) = features["image"].bytes_list.value
        image[:] = np.frombuffer(content, np.uint8).reshape(image.shape)


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        inflated = _InflatedFile(file)
        while not inflated.at_end():
            length = int.from_bytes(inflated.read(_LENGTH), "little")
            inflated.read(_CHECKSUM)
            yield inflated.read(length)
            inflated.read(_CHECKSUM)


class _InflatedFile:
    """A ZLIB file that is decompressed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._zlib = zlib.decompressobj()
        self._buffer = b""

    def at_end(self) -> bool:
        self._buffer = self._buffer or self._inflate(1)
        return not self._buffer

    def read(self, size: int) -> bytes:
        pieces, missing = [self._buffer[:size]], size - len(self._buffer)
        self._buffer = self._buffer[size:]
        while missing > 0:
            pieces.append(self._inflate(min(missing, _MOST_INFLATED)))
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def _inflate(self, size: int) -> bytes:
        while not self._zlib.eof:
            compressed = self._zlib.unconsumed_tail or self._file.read(_CHUNK)
            if piece := self._zlib.decompress(compressed, size):
                return piece
        return b""
