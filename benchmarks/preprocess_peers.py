"""Baselines of the preprocess stage: the least work that it must do, and the usual way.

    .venv/bin/python -m benchmarks.preprocess_peers floor ARCHIVE CELLS_CSV PIXELS FOLDER

The floor inflates and decodes the images, in one process per core, and does nothing else.
The peer unpacks the archive, and resizes the images one by one into PNG in one TFRecord.
"""

from __future__ import annotations

import csv
import io
import multiprocessing
import os
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image


def main() -> None:
    """Run the floor or the peer, by the first argument."""
    way, archive, cells_csv, pixels, folder = sys.argv[1:]
    with Path(cells_csv).open(newline="", encoding="utf-8") as file:
        cells = [(row["member"], row["label"]) for row in csv.DictReader(file)]
    if way == "floor":
        floor(Path(archive), [member for member, _ in cells])
    else:
        peer(Path(archive), cells, int(pixels), Path(folder))


def floor(archive: Path, members: Sequence[str]) -> None:
    """Inflate and decode the members, on all cores."""
    cores = os.cpu_count() or 1
    shares = [(archive, members[core::cores]) for core in range(cores)]
    with multiprocessing.get_context("fork").Pool(cores) as pool:
        pool.starmap(_decode, shares, chunksize=1)


def _decode(archive: Path, members: Sequence[str]) -> None:
    with zipfile.ZipFile(archive) as opened:
        for member in members:
            Image.open(io.BytesIO(opened.read(member))).load()


def peer(archive: Path, cells: Sequence[tuple[str, str]], pixels: int, folder: Path) -> None:
    """Unpack, resize, and write PNG into a TFRecord, one after the other."""
    import tensorflow as tf

    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder, [member for member, _ in cells])
    with tf.io.TFRecordWriter(str(folder / "images.tfrecord")) as writer:
        for member, label in cells:
            image = Image.open(folder / member).resize((pixels, pixels), Image.Resampling.BILINEAR)
            png = io.BytesIO()
            image.save(png, "PNG")
            features = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png.getvalue()])),
                "label": tf.train.Feature(
                    int64_list=tf.train.Int64List(value=[int(label == "all")])
                ),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


if __name__ == "__main__":
    main()
