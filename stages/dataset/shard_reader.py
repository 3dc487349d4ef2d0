"""Read cells from shards, and their index; see shards.py for the format."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import zstandard
from pydantic import Field, TypeAdapter, ValidationError

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.image_buffer import Pixels, allocate_images
from stages.dataset.shards import RECORD_COLUMNS, shard_name

_FORMAT_KEYS = ("crop_size", "image_size", "class_names")
_SIZE: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(gt=0, strict=True)])
_CROP: TypeAdapter[int | None] = TypeAdapter(Annotated[int, Field(gt=0, strict=True)] | None)
_REBUILD = "make the shards again with `dvc repro --force --single-item preprocess`"


@dataclass(frozen=True)
class Cells:
    """The cells of one part, decoded.

    Attributes:
        images: uint8, (cells, image_size, image_size, 3), RGB in 0…255, as from `read_part`; or
            the features that a frozen base computes from them, float32, (cells, features).
        labels: int64, (cells,); 0 HEM, 1 ALL.
        image_ids: the names of the images.
        subjects: their subjects.
        in_memory: whether the images are in memory; else they are in a memory-mapped file.
    """

    images: np.ndarray[Any, Any]
    labels: np.ndarray[Any, np.dtype[np.int64]]
    image_ids: list[str]
    subjects: list[str]
    in_memory: bool = True


def image_format(shards: Path) -> dict[str, Any]:
    """Read the format of a model's input: crop_size, image_size and class_names of the shards.

    Raises:
        StageError: if the index is missing or malformed, or has other classes.
    """
    path = shards / "index.json"
    try:
        index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read ({error}); {_REBUILD}") from error
    if not isinstance(index, dict) or not all(key in index for key in _FORMAT_KEYS):
        raise StageError(f"{path}: expected an object with {', '.join(_FORMAT_KEYS)}; {_REBUILD}")
    if index["class_names"] != list(CLASS_NAMES):
        raise StageError(
            f"{path}: classes are {index['class_names']}, expected {list(CLASS_NAMES)}; {_REBUILD}"
        )
    try:
        _SIZE.validate_python(index["image_size"])
        _CROP.validate_python(index["crop_size"])
    except ValidationError as error:
        raise StageError(
            f"{path}: expected image_size as a number above 0, and crop_size as one or null; "
            + _REBUILD
        ) from error
    return {key: index[key] for key in _FORMAT_KEYS}


def read_part(shards: Path, cells: pd.DataFrame, part: str) -> Cells:
    """Read the cells of a part, in the order of the table, on all cores.

    The other cells of the shards are not read. The images take cells × image_size² × 3 bytes, in
    memory or in a file; see image_buffer.py.

    Args:
        shards: the shard folder.
        cells: a table of cells; its column `split` names the part of each.
        part: one of SPLITS.

    Raises:
        StageError: if the part is empty, or not in the shards as in the table; if a shard is
            missing or corrupt; or if neither memory nor disk has space for the images.
    """
    size = image_format(shards)["image_size"]
    rows = cells[cells["split"] == part]
    if rows.empty:
        raise StageError(f"{shards}: no cells are listed for {part}; change `split` in params.yaml")
    places = _places(shards, rows)
    images, in_memory = allocate_images((len(rows), size, size, 3), folder=shards.parent, name=part)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(_read_shard, shards / shard_name(number), wanted, images)
            for number, wanted in places.items()
        ]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Cells(
        images,
        rows["label"].map(CLASS_NAMES.index).to_numpy(np.int64),
        rows["image"].tolist(),
        rows["subject"].tolist(),
        in_memory,
    )


def _places(shards: Path, rows: pd.DataFrame) -> dict[int, list[tuple[int, int, int]]]:
    """Return for each shard the number of the row, offset and size of each wanted image."""
    records = _read_records(shards).reindex(rows["image"])
    known, labels = records["label"].to_numpy(object), rows["label"].to_numpy(object)
    for row in np.flatnonzero(known != labels)[:1].tolist():
        told = f"is of class {known[row]}" if isinstance(known[row], str) else "is not"
        raise StageError(
            f"{rows['image'].iloc[row]} {told} in {shards}, and of class {labels[row]} in the "
            f"table of cells; {_REBUILD}"
        )
    places = defaultdict(list)
    columns = (records[column].astype("int64").tolist() for column in ("shard", "offset", "size"))
    for row, (shard, offset, size) in enumerate(zip(*columns, strict=True)):
        places[shard].append((row, offset, size))
    return places


def _read_records(shards: Path) -> pd.DataFrame:
    """Read records.csv, indexed by image."""
    path = shards / "records.csv"
    try:
        records = pd.read_csv(path, dtype=RECORD_COLUMNS, keep_default_na=False)
    except (OSError, ValueError, OverflowError) as error:
        cause = " ".join(str(error).split())
        raise StageError(f"{path} cannot be read ({cause}); {_REBUILD}") from error
    if list(records.columns) != list(RECORD_COLUMNS):
        raise StageError(
            f"{path}: columns are {', '.join(records.columns)}; expected "
            f"{', '.join(RECORD_COLUMNS)}; {_REBUILD}"
        )
    repeated = records.loc[records["image"].duplicated(), "image"]
    if len(repeated):
        raise StageError(f"{path}: {repeated.iloc[0]} stands in two rows; {_REBUILD}")
    return records.set_index("image")


def _read_shard(path: Path, places: Sequence[tuple[int, int, int]], images: Pixels) -> None:
    """Read images from a shard into an array; a place is row, offset and size."""
    decompressor = zstandard.ZstdDecompressor()
    shape = images.shape[1:]
    try:
        with path.open("rb", buffering=0) as file:
            for row, offset, size in places:
                images[row] = _decode(decompressor, os.pread(file.fileno(), size, offset), shape)
    except (OSError, ValueError, zstandard.ZstdError) as error:
        raise StageError(f"{path} is missing or corrupt ({error}); {_REBUILD}") from error


def _decode(
    decompressor: zstandard.ZstdDecompressor, frame: bytes, shape: tuple[int, ...]
) -> Pixels:
    """Return the image in a Zstandard frame; its checksum is verified."""
    expected = int(np.prod(shape))
    # A damaged size would else be allocated.
    if (found := zstandard.frame_content_size(frame)) != expected:
        raise ValueError(f"an image has {found} bytes, expected {'×'.join(map(str, shape))}")
    content = decompressor.decompress(frame, allow_extra_data=False)
    return np.frombuffer(content, np.uint8).reshape(shape)
