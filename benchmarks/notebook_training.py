"""Worker that trains like the notebook that this project started from, one epoch at a time.

It uses ImageDataGenerator on BMP files, which scales whole images down, and EfficientNetB3 with the
same head. A callback prints at each batch and copies the weights at each epoch.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.cells import ROOT, Made, spread
from benchmarks.workers import Turns
from stages.common.params_file import load_params
from stages.common.tensorflow_import import import_tensorflow
from stages.dataset.cell_table import read_cells

NOTEBOOK = "notebook's epoch"
EPOCHS = 1000
"""More than any benchmark requests."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train one epoch per request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notebook_training")
    parser.add_argument("--cells", type=Path, required=True, help="as benchmarks.cells makes them")
    for name in ("image-size", "training-cells", "validation-cells"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args(arguments)
    made = Made(options.cells)
    import_tensorflow()
    _fit(
        _table(made, "train", options.training_cells),
        _table(made, "val", options.validation_cells),
        options.image_size,
        Turns({}),
    )


def _table(made: Made, split: str, count: int) -> pd.DataFrame:
    """Unpack images; return their paths and labels for `flow_from_dataframe`."""
    cells = read_cells(made.cells_csv)
    cells = cells[cells["split"] == split]
    cells = cells.iloc[spread(len(cells), count)]
    with zipfile.ZipFile(made.archive) as archive:
        archive.extractall(made.folder / "unpacked", cells["member"])
    paths = [str(made.folder / "unpacked" / member) for member in cells["member"]]
    return pd.DataFrame({"filepaths": paths, "labels": cells["label"].to_numpy()})


def _fit(training: pd.DataFrame, validation: pd.DataFrame, image_size: int, turns: Turns) -> None:
    import keras
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    batch_size = load_params(ROOT / "params.yaml").profiles["cnmc"].train.batch_size
    options = {
        "x_col": "filepaths",
        "y_col": "labels",
        "target_size": (image_size, image_size),
        "class_mode": "categorical",
        "batch_size": batch_size,
    }
    keras.utils.set_random_seed(1)
    shuffled = ImageDataGenerator(horizontal_flip=True).flow_from_dataframe(
        training, shuffle=True, **options
    )
    in_order = ImageDataGenerator().flow_from_dataframe(validation, shuffle=False, **options)

    class Callback(keras.callbacks.Callback):  # type: ignore[misc]
        """Waits for a request before an epoch, and does the same as the notebook's callback."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            turns.wait(NOTEBOOK)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            print(
                f"batch {batch} accuracy {logs['accuracy']:.3f} loss {logs['loss']:.5f}", end="\r"
            )

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            self.best_weights = self.model.get_weights()

    network = _network(image_size)
    network.fit(
        shuffled, validation_data=in_order, epochs=EPOCHS, verbose=0, callbacks=[Callback()]
    )


def _network(image_size: int) -> Any:
    import keras

    base = keras.applications.EfficientNetB3(
        include_top=False, weights=None, input_shape=(image_size, image_size, 3), pooling="max"
    )
    features = keras.layers.BatchNormalization(axis=-1, momentum=0.99, epsilon=0.001)(base.output)
    features = keras.layers.Dense(
        256,
        kernel_regularizer=keras.regularizers.L2(0.016),
        activity_regularizer=keras.regularizers.L1(0.006),
        bias_regularizer=keras.regularizers.L1(0.006),
        activation="relu",
    )(features)
    features = keras.layers.Dropout(0.45, seed=123)(features)
    network = keras.Model(base.input, keras.layers.Dense(2, activation="softmax")(features))
    network.compile(
        keras.optimizers.Adamax(0.001), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return network


if __name__ == "__main__":
    main()
