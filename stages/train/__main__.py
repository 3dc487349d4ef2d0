"""DVC stage train: fit the model and keep the weights of the best epoch."""

from __future__ import annotations

import os
import time
from pathlib import Path

from stages.files import write_csv, write_json
from stages.params import ModelParams, TrainParams
from stages.quiet import import_tensorflow
from stages.stage import run_stage


def train(
    params: TrainParams,
    *,
    model: ModelParams,
    seed: int,
    shards: Path,
    keras_home: Path,
    model_keras: Path,
    report: Path,
    history_csv: Path,
) -> str:
    """Fit the model on the shards, and write it with its figures.

    Raises:
        StageError: see stages/train/fit.py.
    """
    started = time.monotonic()
    os.environ["KERAS_HOME"] = str(keras_home.absolute())  # read when Keras is imported
    import_tensorflow()
    from stages.train.export import write_model
    from stages.train.fit import fit

    fitted = fit(params, model=model, seed=seed, shards=shards, keras_home=keras_home)
    write_model(fitted.model, model_keras)
    write_csv(fitted.history, history_csv)
    write_json(fitted.report, report)
    return (
        f"best epoch {fitted.report['best_epoch']} of {fitted.report['epochs']}, validation "
        f"accuracy {fitted.report['val_accuracy']:.3f}, {(time.monotonic() - started) / 60:.1f} "
        f"min → {model_keras}"
    )


if __name__ == "__main__":
    run_stage(train)
