"""Write shards and their index; see shards.py for the format."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zstandard

from stages.common.errors import StageError
from stages.common.files import write_csv, write_json
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.shards import RECORD_COLUMNS, shard_name

_ZSTANDARD_LEVEL = 3
_LENGTH_AND_CHECKSUM, _CHECKSUM = 12, 4
"""Bytes that TFRecord puts before and after each record."""

Record = tuple[np.ndarray[Any, np.dtype[np.uint8]], str, str]
"""An image, its class name and its id."""


def write_shard(records: Iterable[Record], shards: Path, *, number: int = 0) -> pd.DataFrame:
    """Write a shard into a folder; the same records give the same bytes.

    It uses only the parts of TensorFlow that `import_record_writer` imports.

    Returns:
        The rows of records.csv for this shard.

    Raises:
        StageError: if the shard cannot be written.
    """
    from tensorflow.python.framework.errors_impl import OpError
    from tensorflow.python.lib.io.tf_record import TFRecordWriter

    compressor = zstandard.ZstdCompressor(level=_ZSTANDARD_LEVEL, write_checksum=True)
    rows, begin = [], 0
    shards.mkdir(parents=True, exist_ok=True)
    try:
        with TFRecordWriter(str(shards / shard_name(number))) as writer:
            for image, label, image_id in records:
                frame = compressor.compress(image.tobytes())
                example = _example(frame, label, image_id)
                offset = begin + _LENGTH_AND_CHECKSUM + example.index(frame)
                rows.append((image_id, label, number, offset, len(frame)))
                writer.write(example)
                begin += _LENGTH_AND_CHECKSUM + len(example) + _CHECKSUM
    except OpError as error:
        raise StageError(f"{error.message}; mend that and run this again") from error
    return pd.DataFrame(rows, columns=list(RECORD_COLUMNS))


def write_index(
    shards: Path, records: Iterable[pd.DataFrame], *, crop_size: int, image_size: int
) -> None:
    """Write the index of a shard folder: the format of the images, and where each one is.

    Args:
        shards: the shard folder.
        records: what `write_shard` returned for each shard, in their order.
        crop_size: width and height of the crop before resizing, in pixels.
        image_size: width and height of the resized images, in pixels.
    """
    empty = pd.DataFrame(columns=list(RECORD_COLUMNS))
    table = pd.concat([empty, *records], ignore_index=True)
    write_csv(table, shards / "records.csv")
    write_json(
        {"crop_size": crop_size, "image_size": image_size, "class_names": CLASS_NAMES},
        shards / "index.json",
    )


def _example(frame: bytes, label: str, image_id: str) -> bytes:
    from tensorflow.core.example.example_pb2 import Example
    from tensorflow.core.example.feature_pb2 import BytesList, Feature, Features, Int64List

    features = {
        "image": Feature(bytes_list=BytesList(value=[frame])),
        "label": Feature(int64_list=Int64List(value=[CLASS_NAMES.index(label)])),
        "image_id": Feature(bytes_list=BytesList(value=[image_id.encode()])),
    }
    example = Example(features=Features(feature=features))
    content: bytes = example.SerializeToString(deterministic=True)  # protobuf maps are unordered
    return content
