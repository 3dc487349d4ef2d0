"""Read cells from shards, and their index; see shards.py for the format."""

from __future__ import annotations

import json
import os
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
_SIZE = TypeAdapter(Annotated[int, Field(gt=0, strict=True)])
_REBUILD = "make the shards again with `dvc repro --force preprocess`"


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
        for key in ("crop_size", "image_size"):
            _SIZE.validate_python(index[key])
    except ValidationError as error:
        raise StageError(
            f"{path}: expected crop_size and image_size as numbers above 0; {_REBUILD}"
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
    numbers = places.pop("shard")
    images, in_memory = allocate_images((len(rows), size, size, 3), folder=shards.parent, name=part)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(_read_shard, shards / shard_name(number), places[numbers == number], images)
            for number in sorted(set(numbers.tolist()))
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


def _places(shards: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Return shard, offset and size of each row's image, indexed by the number of the row."""
    records = _read_records(shards)
    places = records.reindex(rows["image"])
    for image, label, known in zip(rows["image"], rows["label"], places["label"], strict=True):
        if label != known:
            told = "is not" if pd.isna(known) else f"is of class {known}"
            raise StageError(
                f"{image} {told} in {shards}, and of class {label} in the table of cells; "
                + _REBUILD
            )
    return places[["shard", "offset", "size"]].astype("int64").reset_index(drop=True)


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


def _read_shard(path: Path, places: pd.DataFrame, images: Pixels) -> None:
    """Read images from a shard into their rows of an array."""
    decompressor = zstandard.ZstdDecompressor()
    shape = images.shape[1:]
    try:
        with path.open("rb", buffering=0) as file:
            for row, offset, size in places.itertuples():
                file.seek(offset)
                images[row] = _decode(decompressor, file.read(size), shape)
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
