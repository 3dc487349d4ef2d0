"""Write shards and their index; see shards.py for the format."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from stages.common.errors import StageError
from stages.common.files import write_json
from stages.dataset.classes import CLASS_NAMES


def write_shard(
    records: Iterable[tuple[np.ndarray[Any, np.dtype[np.uint8]], str, str]], path: Path
) -> None:
    """Write (image, class name, image id) records; the same records give the same bytes.

    It uses only the parts of TensorFlow that `import_record_writer` imports.

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
    """Write the index: the format of the images, and each shard's number of cells, by split.

    Args:
        shards: the shard folder.
        crop_size: width and height of the crop before resizing, in pixels.
        image_size: width and height of the resized images, in pixels.
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


def _example(image: np.ndarray[Any, np.dtype[np.uint8]], label: str, image_id: str) -> bytes:
    from tensorflow.core.example.example_pb2 import Example
    from tensorflow.core.example.feature_pb2 import BytesList, Feature, Features, Int64List

    features = {
        "image": Feature(bytes_list=BytesList(value=[image.tobytes()])),
        "label": Feature(int64_list=Int64List(value=[CLASS_NAMES.index(label)])),
        "image_id": Feature(bytes_list=BytesList(value=[image_id.encode()])),
    }
    example = Example(features=Features(feature=features))
    content: bytes = example.SerializeToString(deterministic=True)  # protobuf maps are unordered
    return content
