"""DVC stage train: fit the model and keep the weights of the best epoch."""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages
from stages.common.portable_environment import set_numpy_environment

explain_missing_packages()
set_numpy_environment()  # before NumPy is imported

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.common.errors import StageError
from stages.common.files import write_csv, write_json
from stages.common.finished_training import discard_earlier, is_finished, locked
from stages.common.stage_entry import run_stage
from stages.common.tensorflow_import import import_tensorflow
from stages.network.params import ModelParams
from stages.train.params import TrainParams
from stages.train.state.earlier_training import why_anew, write_inputs
from stages.train.state.fingerprint import fingerprint
from stages.train.state.interruption import watched
from stages.train.state.train_state import (
    WORKSPACE_LOCK,
    TrainState,
    open_state,
    other_states,
    write_last_run,
)


def train(
    params: TrainParams,
    *,
    model: ModelParams,
    shards: Path,
    cells_csv: Path,
    keras_home: Path,
    model_keras: Path,
    report: Path,
    history_csv: Path,
    seed: int | None = None,
) -> str:
    """Fit the model on the cells of train and val; write the model, the report and the history.

    A member of a cross-validation has its own `seed` in place of that in params.yaml.

    The stage resumes from the latest checkpoint of a run with the same fingerprint that was killed,
    or that has ended and is not recorded in dvc.lock.

    Raises:
        StageError: if another training runs in this workspace, or as in stages/train/fit.py.
        SystemExit: after SIGTERM (code 143), SIGUSR1 (138), SIGINT (130), SIGHUP (129) or the
            parent's end (1).
    """
    started = time.monotonic()
    if seed is not None:
        params = dataclasses.replace(params, seed=seed)
    os.environ["KERAS_HOME"] = str(keras_home.absolute())  # Keras reads it at import
    with watched() as watch, locked(WORKSPACE_LOCK):
        import_tensorflow(deterministic=params.deterministic)
        from stages.network.model_writer import write_model
        from stages.train.device import prepare_device
        from stages.train.fit import fit
        from stages.train.training_setup import TrainingSetup

        device = prepare_device(
            params.device,
            devices=params.devices,
            deterministic=params.deterministic,
            threads=params.threads,
        )
        if device.kind == "CPU" and params.device == "auto":
            print(
                "No GPU was found: training on the CPU. How long that will take is told after the "
                "first steps.",
                flush=True,
            )
        setup = TrainingSetup(params, model, shards, cells_csv, keras_home, device)
        inputs = setup.inputs()
        own = fingerprint(inputs)
        discard_earlier(other_states(own))
        with open_state(own) as state:
            if seed is None:
                _tell_why_anew(state, inputs, others=list(other_states(own)))
            write_inputs(inputs, state.folder)
            fitted = fit(setup, state=state, watch=watch)
            watch.exit_if_requested(" before the model was written: the next run writes it")
            with _what_is_kept(state):
                write_model(fitted.model, model_keras)
                write_csv(fitted.history, history_csv)
                write_json(fitted.report, report)
            state.finish(model_keras)
            write_last_run(fitted.run)
        for folder, size in other_states(own).items():
            kind = "finished" if is_finished(folder) else "unfinished"
            print(
                f"Another, {kind} training's state is in {folder} ({size / 1e6:,.1f} MB): it "
                "is for other parameters, code or data; remove it if you will not go on with that"
            )
    return (
        f"best epoch {fitted.report['best_epoch']} of {fitted.report['epochs']}, validation "
        f"accuracy {fitted.report['val_accuracy']:.3f}, {(time.monotonic() - started) / 60:.1f} "
        f"min → {model_keras}"
    )


def _tell_why_anew(state: TrainState, inputs: Mapping[str, Any], *, others: list[Path]) -> None:
    """Say why no earlier training is gone on with."""
    if not state.has_checkpoint() and (why := why_anew(inputs, others)):
        print(why, flush=True)


@contextlib.contextmanager
def _what_is_kept(state: TrainState) -> Iterator[None]:
    """Add to an error that the training is not lost."""
    try:
        yield
    except OSError as error:
        raise StageError(
            f"{error}; mend this and run it again: it goes on from what is saved of the training, "
            f"in {state.folder.absolute()}"
        ) from error


if __name__ == "__main__":
    run_stage(train)
