"""Run the train stage in the current folder with a network that takes seconds; end it on the way.

    python tiny_training.py <point> <call> <what>
    python tiny_training.py serve

At the given call of what `POINTS` names, `what` happens: a signal that this process sends itself
(KILL, TERM, STOP …); `full`: the disk is; `denied`: a right is missing; `orphan`: it kills its
parent. Without arguments nothing does. With `devices: all` there are two virtual ones. `serve`
answers each line {"folder": …, "output": …, "point": […]} with the exit code of such a run in a
process of its own, and each {"folder": …, "output": …, "program": …, "arguments": […]} with that of
`python -c`; TensorFlow, which takes longer to import than to train here, is imported once.
"""

import errno
import itertools
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from stages.common.tensorflow_import import import_tensorflow

import_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from stages.common.params_file import load_params  # noqa: E402
from stages.common.stage_entry import run_stage  # noqa: E402
from stages.network import model_writer  # noqa: E402
from stages.network.model import HEAD  # noqa: E402
from stages.train import fit  # noqa: E402
from stages.train.__main__ import train  # noqa: E402
from stages.train.params import TrainParams  # noqa: E402
from stages.train.state import checkpoint, train_state  # noqa: E402
from stages.train.steps import callbacks as steps  # noqa: E402

POINTS: dict[str, tuple[Any, str]] = {
    "step": (steps.StepCallback, "on_train_batch_end"),  # done, but not counted or saved
    "validation": (steps.StopEvaluation, "on_test_batch_end"),
    "features": (steps.StopEvaluation, "on_predict_batch_end"),
    "checkpoint": (checkpoint, "_write_text"),  # twice for each, when the arrays are written
    # Called often for each file, while it is written.
    "export": (model_writer, "_reproducible_config"),
    "mark": (train_state, "mark_finished"),  # the outputs are written
    "last run": (train_state, "write_json"),
}


def tiny_network(params: object, *, image_size: int, weights: object) -> keras.Model:  # noqa: ARG001
    """All that changes in a step: weights, batch norm's averages, dropout's seeds."""
    inputs = keras.Input((image_size, image_size, 3))
    features = keras.layers.Rescaling(1 / 255)(inputs)
    features = keras.layers.Conv2D(4, 3, strides=2, name="stem_conv")(features)
    features = keras.layers.BatchNormalization(momentum=0.9, name="stem_bn")(features)
    features = keras.layers.GlobalMaxPooling2D(name="max_pool")(features)
    features = keras.layers.Dropout(0.4, name="top_dropout")(features)
    features = keras.layers.Dense(8, activation="relu", name=HEAD[1])(features)
    features = keras.layers.Dropout(0.2, name=HEAD[2])(features)
    outputs = keras.layers.Dense(2, activation="softmax", name=HEAD[3])(features)
    return keras.Model(inputs, outputs, name="tiny")


def happen(what: str) -> None:
    match what:
        case "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        case "denied":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        case "orphan":
            parent = os.getppid()
            os.kill(parent, signal.SIGKILL)
            while os.getppid() == parent:
                time.sleep(0.01)
        case _:
            os.kill(os.getpid(), signal.Signals[f"SIG{what}"])


def happen_at(point: str, call: int, what: str) -> None:
    """Have it happen at the given call (from 1) of the point's function, before that does it."""
    owner, name = POINTS[point]
    function = getattr(owner, name)
    calls = itertools.count(1)

    def counted(*arguments: Any, **options: Any) -> Any:
        if next(calls) == call:
            happen(what)
        return function(*arguments, **options)

    setattr(owner, name, counted)


def main(*point: str) -> None:
    """Run the stage, as dvc.yaml does but for the paths."""
    fit.build_model = tiny_network
    if load_params(Path("params.yaml")).section(TrainParams).devices == "all":
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
    if point:
        happen_at(point[0], int(point[1]), point[2])
    outputs = {"model-keras": "model.keras", "report": "train.json", "history-csv": "history.csv"}
    options = {"shards": "shards", "cells-csv": "cells.csv", "keras-home": "home", **outputs}
    sys.argv[1:] = [word for name, value in options.items() for word in (f"--{name}", value)]
    run_stage(train)


def serve() -> None:
    load_params(Path(__file__).parents[2] / "params.yaml")  # what it takes to check them is kept
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            run_apart(request)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def run_apart(request: dict[str, Any]) -> NoReturn:
    os.chdir(request["folder"])
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        path = Path(request["output"], name)
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    exit_code = 0
    try:
        if "program" in request:
            sys.argv = ["-c", *request["arguments"]]
            exec(request["program"], {"__name__": "__main__"})
        else:
            main(*request["point"])
    except SystemExit as end:
        exit_code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        exit_code = 1
    sys.stdout.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        main(*sys.argv[1:])
