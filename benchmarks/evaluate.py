"""Time the evaluate stage, without Grad-CAM, against the bare forward pass on the same images.

    .venv/bin/python -m benchmarks.evaluate --json figures.json

Both ways use built-in cells and an untrained EfficientNetB3. Each round loads the model and reads
the shards anew, in one process that has already imported TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.cells import Made, kept_cells, stage_arguments
from benchmarks.rows import Row, part_parser, tell
from benchmarks.turns import in_turns, ratio
from stages.common.tensorflow_import import import_tensorflow
from stages.dataset.cell_table import PRELIMINARY, read_cells

BARE, STAGE = "bare forward pass", "evaluate"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the row, and write it to a file if asked to."""
    options = _parser().parse_args(arguments)
    report = options.json and options.json.absolute()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).absolute()
        made = kept_cells(folder, cells=options.cells, image_size=options.image_size)
        seconds = _measure(made, rounds=options.rounds)
    how = (
        f"{options.cells:,} built-in cells of {options.image_size} px, of which validation, test "
        "and external ones are predicted by an untrained EfficientNetB3; both ways load the model, "
        "trace it and read the shards anew; the stage without its galleries, which Grad-CAM makes, "
        "but with all intervals, plots and the report."
    )
    row = Row(
        part="evaluate without Grad-CAM",
        against="the bare forward pass",
        how=how,
        ratio=ratio(seconds, STAGE, BARE),
        target={"at_most": 1.3},
        ways=seconds,
    )
    tell([row], report)


def _measure(made: Made, *, rounds: int) -> dict[str, list[float]]:
    import_tensorflow()
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()  # as the stage does, for the bare pass too
    os.chdir(made.folder)
    _write_model(made)
    return in_turns({BARE: _bare(made), STAGE: _stage()}, rounds=rounds)


def _write_model(made: Made) -> None:
    """Write an untrained model, and the reports of a training."""
    from stages.common.params_file import load_params
    from stages.dataset.shard_reader import image_format
    from stages.network.model import build_model
    from stages.network.model_writer import write_model
    from stages.network.params import ModelParams

    seen = image_format(made.shards)
    params = load_params(Path("params.yaml")).section(ModelParams)
    Path("models").mkdir(exist_ok=True)
    network = build_model(params, image_size=seen["image_size"], weights=None)
    write_model(network, Path("models/model.keras"))
    Path("metrics/train.json").write_text(json.dumps({"cells": seen}))
    Path("metrics/history.csv").write_text(
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate\n1,0.7,0.5,0.7,0.5,0.001\n"
    )


def _bare(made: Made) -> Callable[[], float]:
    import keras

    from stages.dataset.shard_reader import read_part
    from stages.network.predict import BATCH_SIZE

    def run() -> float:
        began = time.perf_counter()
        model = keras.models.load_model("models/model.keras", compile=False)
        outside = read_cells(made.external_csv, external=True)
        listed = pd.concat([read_cells(made.cells_csv), outside])
        for part in ("val", "test", PRELIMINARY):
            shards = made.external_shards / part if part == PRELIMINARY else made.shards
            images = read_part(shards, listed, part).images[:]
            # Whole batches only: TensorFlow would retrace the network for a rest, for seconds.
            filled = np.resize(
                images, (-(-len(images) // BATCH_SIZE), BATCH_SIZE, *images.shape[1:])
            )
            for batch in filled:
                model.predict_on_batch(batch)
        return time.perf_counter() - began

    return run


def _stage() -> Callable[[], float]:
    from stages.common.params_file import load_params
    from stages.evaluate import __main__ as stage
    from stages.evaluate.params import EvaluateParams

    params = load_params(Path("params.yaml")).section(EvaluateParams)
    _m, _module, *given = stage_arguments("evaluate")
    options: dict[str, Any] = {
        name.removeprefix("--").replace("-", "_"): Path(path)
        for name, path in zip(given[::2], given[1::2], strict=True)
    }

    def run() -> float:
        with mock.patch.object(stage, "_picture", return_value=[]):
            began = time.perf_counter()
            stage.evaluate(params, profile="synthetic", **options)
            return time.perf_counter() - began

    return run


def _parser() -> argparse.ArgumentParser:
    parser = part_parser("evaluate", __doc__)
    parser.add_argument("--cells", type=int, default=2000, help="training images of the archive")
    parser.add_argument("--image-size", type=int, default=96, help="pixels along an edge")
    return parser


if __name__ == "__main__":
    main()
