"""Time a training epoch against bare steps, the notebook's loop, PyTorch and a frozen base.

    .venv/bin/python -m benchmarks.training --folder kept

It runs full steps of EfficientNetB3 from scratch with the recipe's head, on built-in cells. Each
way has a process that stays alive. One run of everything warms it up.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.cells import Made, kept_cells
from benchmarks.notebook_training import NOTEBOOK
from benchmarks.our_training import (
    BATCHES,
    EPOCH,
    FROZEN,
    FROZEN_EPOCHS,
    FROZEN_ONCE,
    ONE_BATCH,
    VALIDATION,
)
from benchmarks.rows import NO_TORCH, Row, part_parser, tell
from benchmarks.turns import Seconds, in_turns, ratio
from benchmarks.workers import worker
from stages.common.processor import instruction_sets

TORCH, FREE = "PyTorch", "free steps of one batch"
TRAINED, BARE = f"{BATCHES} and {VALIDATION}", f"{ONE_BATCH} and {VALIDATION}"
TRAINED_TIMES = f"{FROZEN_EPOCHS} times {TRAINED}"
BATCH_SIZE = 40

INPUT, WHOLE = "training, wall time of an epoch's steps", "training, a whole epoch"
SAME_STEPS = "the same steps fed with one batch already in memory"
FROZEN_FLIPS = "training with a frozen base behind flips"
BASE_TRAINED = "the same with the base trained"
FULL_STEPS, IN_TORCH = "training, images/s of full steps", "EfficientNet-B3 in PyTorch"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the rows, and write them to a file if asked to."""
    parser = part_parser("training", __doc__)
    parser.add_argument("--cells", type=int, default=2000, help="training images of the archive")
    parser.add_argument("--image-size", type=int, default=96, help="pixels along an edge")
    parser.add_argument("--steps", type=int, default=5, help="of an epoch, of 40 images each")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        made = kept_cells(
            options.folder or Path(scratch),
            cells=options.cells,
            image_size=options.image_size,
            whole=True,
        )
        seconds = _measure(made, options.image_size, steps=options.steps, rounds=options.rounds)
    tell(rows(seconds, image_size=options.image_size, steps=options.steps), options.json)


def rows(seconds: Seconds, *, image_size: int, steps: int) -> list[Row]:
    """Return the rows for the seconds of each way; TORCH may be missing."""
    sizes = f"{steps} steps of {BATCH_SIZE} built-in cells of {image_size} px, EfficientNetB3"
    seconds = dict(seconds)
    for whole, part in ((TRAINED, BATCHES), (BARE, ONE_BATCH)):
        pairs = zip(seconds[part], seconds[VALIDATION], strict=True)
        seconds[whole] = [sum(pair) for pair in pairs]
    seconds[TRAINED_TIMES] = [FROZEN_EPOCHS * value for value in seconds[TRAINED]]
    return [
        _row(
            seconds,
            INPUT,
            SAME_STEPS,
            BATCHES,
            ONE_BATCH,
            {"at_most": 1.05},
            f"{sizes}: with flips and shuffled from the decoded cells, the pipeline begun anew in "
            "each round, and beside it one batch again and again.",
        ),
        _row(
            seconds,
            WHOLE,
            f"{SAME_STEPS}, and validation",
            EPOCH,
            BARE,
            {"at_most": 1.05},
            f"{sizes}, and validation on a quarter as many; with policy, log and checkpoint.",
        ),
        _row(
            seconds,
            "training, steps and validation of an epoch",
            "the notebook's own loop: `ImageDataGenerator` on BMP files, its callback",
            NOTEBOOK,
            TRAINED,
            {"at_least": 1.0},
            f"{sizes}, and validation on a quarter as many; ours with deterministic operations, "
            "without the checkpoint, which the notebook does not make.",
        ),
        _torch_row(seconds, sizes),
        _row(
            seconds,
            FULL_STEPS.replace("images/s", "seconds"),
            "`train.deterministic: false`",
            ONE_BATCH,
            FREE,
            {"at_most": 1.35 if "avx512_vnni" in instruction_sets() else 1.1},
            f"{sizes}, one batch in memory; deterministic with `train.threads` as shipped, free "
            "with one thread a core and what TensorFlow chooses by the processor.",
        ),
        _row(
            seconds,
            FROZEN_FLIPS,
            BASE_TRAINED,
            TRAINED,
            FROZEN,
            {"at_least": 4.0},
            f"{sizes}, and validation on a quarter as many: an epoch of each, without checkpoint.",
        ),
        _row(
            seconds,
            "training with a frozen base, nothing random before it",
            BASE_TRAINED,
            TRAINED_TIMES,
            FROZEN_ONCE,
            {"at_least": 4.0},
            f"{FROZEN_EPOCHS} epochs of {sizes}, and validation on a quarter as many, with the "
            f"one computing of the features, beside {FROZEN_EPOCHS} times one epoch; without "
            "checkpoints.",
        ),
    ]


def _torch_row(seconds: Seconds, sizes: str) -> Row:
    target = {"at_least": 1.0}
    how = (
        f"{sizes}, one batch in memory; PyTorch in float32 and channels_last, as modules "
        "(benchmarks/torch_efficientnet.py), with its Adamax."
    )
    if TORCH not in seconds:
        return Row(FULL_STEPS, IN_TORCH, how, None, target, why=NO_TORCH)
    return _row(seconds, FULL_STEPS, IN_TORCH, TORCH, ONE_BATCH, target, how)


def _row(
    seconds: Seconds,
    part: str,
    against: str,
    way: str,
    to: str,
    target: dict[str, float],
    how: str,
) -> Row:
    ways = {name: seconds[name] for name in (way, to)}
    return Row(part, against, how, ratio(seconds, way, to), target, ways)


def _measure(made: Made, image_size: int, *, steps: int, rounds: int) -> dict[str, list[float]]:
    training, validation = steps * BATCH_SIZE, steps * BATCH_SIZE // 4
    sizes = [f"--training-cells={training}", f"--validation-cells={validation}"]
    size = f"--image-size={image_size}"
    with ExitStack() as stack:
        ours = stack.enter_context(
            worker("benchmarks.our_training", f"--cells={made.folder}", *sizes)
        )
        notebook = stack.enter_context(
            worker("benchmarks.notebook_training", f"--cells={made.folder}", size, *sizes)
        )
        of = dict.fromkeys((EPOCH, BATCHES, ONE_BATCH, VALIDATION, FROZEN, FROZEN_ONCE), ours)
        of[NOTEBOOK] = notebook
        of[FREE] = stack.enter_context(
            worker("benchmarks.our_training", f"--cells={made.folder}", "--free", *sizes)
        )
        if importlib.util.find_spec("torch"):
            options = (size, f"--batch-size={BATCH_SIZE}", f"--steps={steps}")
            of[TORCH] = stack.enter_context(worker("benchmarks.torch_training", *options))
        names = {FREE: ONE_BATCH}
        for way, asked in of.items():
            print(f"warming up: {way} {asked.ask(names.get(way, way)):.2f} s", flush=True)
        ways = {
            way: lambda way=way, asked=asked: asked.ask(names.get(way, way))
            for way, asked in of.items()
        }
        return in_turns(ways, rounds=rounds)


if __name__ == "__main__":
    main()
