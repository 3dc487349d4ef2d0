"""Predict a folder of image files in one of two ways, warm, and print the seconds.

    python -m benchmarks.predict_ways onnx models/model.onnx folder
    python -m benchmarks.predict_ways keras models/model.keras folder --crop 320

The way of Keras is `tf.data`, TensorFlow's decoder and resize on all cores, and `Model.predict`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BATCH_SIZE = 32
WARM_UP = 2 * BATCH_SIZE
"""Images that are predicted before the time is taken, for TensorFlow to trace its graph."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Predict twice, and print the seconds of the second time."""
    options = _parser().parse_args(arguments)
    files = sorted(map(str, options.folder.iterdir()))
    make = {"onnx": with_onnx, "keras": with_keras}[options.way]
    predict = make(options.model, crop=options.crop)
    predict(files[:WARM_UP])
    began = time.perf_counter()
    p_all = predict(files)
    seconds = time.perf_counter() - began
    if len(p_all) != len(files):
        raise SystemExit(f"{len(p_all)} answers for {len(files)} images")
    print(seconds)


def with_onnx(model: Path, *, crop: int | None) -> Callable[[list[str]], list[float]]:
    """Return this project's way. The model file knows the crop."""
    del crop
    from stages.predict.image_answers import load_model, predict

    opened = load_model(model)
    return lambda files: [answer.p_all for answer in predict(opened, files)]


def with_keras(model: Path, *, crop: int | None) -> Callable[[list[str]], list[float]]:
    """Return Keras' way."""
    import keras
    import tensorflow as tf

    opened = keras.models.load_model(model, compile=False)
    size = opened.input_shape[1]

    def decoded(path: Any) -> Any:
        image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        image.set_shape((None, None, 3))
        if crop:
            image = tf.image.resize_with_crop_or_pad(image, crop, crop)
        return tf.image.resize(image, (size, size), antialias=True)

    def run(files: list[str]) -> list[float]:
        images = tf.data.Dataset.from_tensor_slices(files).map(decoded, tf.data.AUTOTUNE)
        batches = images.batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE)
        found: list[float] = opened.predict(batches, verbose=0)[:, 1].tolist()
        return found

    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict_ways", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("way", choices=("onnx", "keras"))
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path, help="of image files")
    parser.add_argument("--crop", type=int, help="pixels along an edge of the centre, for Keras")
    return parser


if __name__ == "__main__":
    main()
