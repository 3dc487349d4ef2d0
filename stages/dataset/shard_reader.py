"""Read cells from shards, and their index; see shards.py for the format."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import zstandard
from pydantic import Field, TypeAdapter, ValidationError

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.shards import RECORD_COLUMNS, shard_name

_FORMAT_KEYS = ("crop_size", "image_size", "class_names")
_SIZE: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(gt=0, strict=True)])
_CROP: TypeAdapter[int | None] = TypeAdapter(Annotated[int, Field(gt=0, strict=True)] | None)
_REBUILD = "make the shards again with `dvc repro --force --single-item preprocess`"

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]


class ShardImages:
    """The images of a part in their shards, read whenever they are asked for.

    So memory holds none of them, however many they are. Index it like an array: a number gives an
    image, a slice or numbers give an array of images.

    Attributes:
        shape: (cells, image_size, image_size, 3); the images are uint8, RGB in 0…255.
        failure: why an image could not be read; None as long as each could.
    """

    def __init__(self, shards: Path, places: Numbers, *, image_size: int) -> None:
        """Take the places of the images.

        Args:
            shards: the shard folder.
            places: (cells, 3): the shard, and the offset and size of the record in it, in bytes.
            image_size: of the images, in pixels.

        Raises:
            StageError: if a shard is missing, or ends before one of the records.
        """
        self.shape = (len(places), image_size, image_size, 3)
        self.failure: StageError | None = None
        self._shards, self._places = shards, places
        for number in np.unique(places[:, 0]).tolist():
            self._require_whole(number)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, wanted: int | slice | Sequence[int] | Numbers) -> Pixels:
        """Read images.

        Raises:
            StageError: if a shard is missing or corrupt. `failure` keeps it, for where TensorFlow
                makes another error of it.
        """
        places = self._places[wanted]
        try:
            if places.ndim == 1:
                return self._read(places)
            images = np.empty((len(places), *self.shape[1:]), np.uint8)
            for row, place in enumerate(places):
                images[row] = self._read(place)
        except StageError as error:
            self.failure = error
            raise
        return images

    def _require_whole(self, number: int) -> None:
        places = self._places[self._places[:, 0] == number, 1:]
        path = self._shards / shard_name(number)
        try:
            size = path.stat().st_size
        except OSError as error:
            raise _damaged(path, error) from error
        needed = int(places.sum(axis=1).max())
        if places.min() < 0 or size < needed:
            raise _damaged(path, f"it has {size:,} bytes, and its records need {needed:,}")

    def _read(self, place: Numbers) -> Pixels:
        number, offset, size = place.tolist()
        path = self._shards / shard_name(number)
        try:
            with path.open("rb", buffering=0) as file:
                return _decode(os.pread(file.fileno(), size, offset), self.shape[1:])
        except (OSError, ValueError, zstandard.ZstdError) as error:
            raise _damaged(path, error) from error


@dataclass(frozen=True)
class Cells:
    """The cells of one part.

    Attributes:
        images: uint8, (cells, image_size, image_size, 3), RGB in 0…255, as from `read_part`; or
            the features that a frozen base computes from them, float32, (cells, features).
        labels: int64, (cells,); 0 HEM, 1 ALL.
        image_ids: the names of the images.
        subjects: their subjects.
    """

    images: ShardImages | np.ndarray[Any, Any]
    labels: np.ndarray[Any, np.dtype[np.int64]]
    image_ids: list[str]
    subjects: list[str]


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
    """Return the cells of a part, in the order of the table; their images stay in the shards.

    Args:
        shards: the shard folder.
        cells: a table of cells; its column `split` names the part of each.
        part: one of SPLITS.

    Raises:
        StageError: if the part is empty, or not in the shards as in the table; or if a shard is
            missing or too short.
    """
    size = image_format(shards)["image_size"]
    rows = cells[cells["split"] == part]
    if rows.empty:
        raise StageError(f"{shards}: no cells are listed for {part}; change `split` in params.yaml")
    return Cells(
        ShardImages(shards, _places(shards, rows), image_size=size),
        rows["label"].map(CLASS_NAMES.index).to_numpy(np.int64),
        rows["image"].tolist(),
        rows["subject"].tolist(),
    )


def _places(shards: Path, rows: pd.DataFrame) -> Numbers:
    """Return shard, offset and size of the wanted images."""
    records = _read_records(shards).reindex(rows["image"])
    known, labels = records["label"].to_numpy(object), rows["label"].to_numpy(object)
    for row in np.flatnonzero(known != labels)[:1].tolist():
        told = f"is of class {known[row]}" if isinstance(known[row], str) else "is not"
        raise StageError(
            f"{rows['image'].iloc[row]} {told} in {shards}, and of class {labels[row]} in the "
            f"table of cells; {_REBUILD}"
        )
    return records[["shard", "offset", "size"]].to_numpy(np.int64)


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


def _decode(frame: bytes, shape: tuple[int, ...]) -> Pixels:
    """Return the image in a Zstandard frame; its checksum is verified."""
    expected = math.prod(shape)
    # A damaged size would else be allocated.
    if (found := zstandard.frame_content_size(frame)) != expected:
        raise ValueError(f"an image has {found} bytes, expected {'×'.join(map(str, shape))}")
    content = zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False)
    return np.frombuffer(content, np.uint8).reshape(shape)


def _damaged(path: Path, cause: Exception | str) -> StageError:
    return StageError(f"{path} is missing or corrupt ({cause}); {_REBUILD}")
