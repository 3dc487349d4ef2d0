"""DVC stage train: fit the model and keep the weights of the best epoch."""

from __future__ import annotations

import os
import time
from pathlib import Path

from stages.files import write_csv, write_json
from stages.params import ModelParams, TrainParams
from stages.quiet import import_tensorflow
from stages.stage import run_stage
from stages.train.interruption import watched
from stages.train.state import WORKSPACE_LOCK, locked, opened_state, other_states, tell_of_run


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

    What a killed run of the very same training has saved is gone on from.

    Raises:
        StageError: if another training runs in this workspace; and see stages/train/fit.py.
        SystemExit: after SIGTERM (143), SIGINT (130), SIGHUP (129), or if the parent is gone (1).
    """
    started = time.monotonic()
    os.environ["KERAS_HOME"] = str(keras_home.absolute())  # read when Keras is imported
    with watched() as watch, locked(WORKSPACE_LOCK):
        import_tensorflow()
        from stages.train.device import prepare_device
        from stages.train.export import write_model
        from stages.train.fit import fit
        from stages.train.sources import Sources

        device = prepare_device(
            params.device, devices=params.devices, deterministic=params.deterministic
        )
        if device.kind == "CPU" and params.device == "auto":
            print(
                "No GPU was found: training on the CPU. How long that will take is told after the "
                "first steps.",
                flush=True,
            )
        sources = Sources(params, model, seed, shards, keras_home, device)
        fingerprint = sources.fingerprint()
        with opened_state(fingerprint) as state:
            fitted = fit(sources, state=state, watch=watch)
            watch.leave_if_asked(" before the model was written: the next run writes it")
            write_model(fitted.model, model_keras)
            write_csv(fitted.history, history_csv)
            write_json(fitted.report, report)
            state.discard()
            tell_of_run(fitted.run)
        for folder, size in other_states(fingerprint).items():
            print(
                f"Another, unfinished training's state is in {folder} ({size / 1e6:,.1f} MB): it "
                "is for other parameters, code or data; remove it if you will not go on with that"
            )
    return (
        f"best epoch {fitted.report['best_epoch']} of {fitted.report['epochs']}, validation "
        f"accuracy {fitted.report['val_accuracy']:.3f}, {(time.monotonic() - started) / 60:.1f} "
        f"min → {model_keras}"
    )


if __name__ == "__main__":
    run_stage(train)
