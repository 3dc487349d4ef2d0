"""The parameters of the stage train."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stages.common.param_types import (
    STRICT,
    Fraction,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Seed,
)


@dataclass(frozen=True, config=STRICT)
class PolicyParams:
    """When the learning rate falls, and when training stops."""

    monitor: Literal["val_accuracy", "val_loss"]
    """The validation figure that decides which epoch is best and when the learning rate falls."""
    patience: PositiveInt
    """Epochs without a better one, after which the learning rate falls."""
    factor: Fraction
    """Each reduction multiplies the learning rate by this factor."""
    stop_patience: PositiveInt
    """Training stops at this many reductions in a row, without a better epoch between them."""
    dwell: bool
    """`true`: after a reduction, training continues from the weights of the best epoch."""


@dataclass(frozen=True, config=STRICT)
class FineTuningParams:
    """Which layers of the base train, and from which epoch.

    It requires ImageNet weights or a trained model.
    """

    freeze_epochs: NonNegativeInt
    """Number of first epochs in which only the head trains. The policy cannot stop training in
    these epochs, and restarts when the base starts to train. Without augmentation, the features of
    the frozen base are computed once, and such an epoch takes almost no time. Prellberg and Kramer
    (2019) used smaller learning rates for the base instead (stem 1e-6, body 1e-4, head 1e-2), and
    had their best result within 3 epochs."""
    unfreeze_from: Annotated[str, Field(pattern=r"^(block[1-7][a-z]|top)$")] | None
    """The first block of the base that trains after these epochs, for example `block5a`; `null`
    for all blocks."""
    freeze_batch_norm: bool
    """`true` keeps ImageNet's batch norm statistics, scales and offsets in the base. Across sites,
    it raised a ResNet50 from 23 to 51 % on another set of blood cells."""


@dataclass(frozen=True, config=STRICT)
class AugmentationParams:
    """Random changes of the training images. The black background stays black.

    Cells have no fixed orientation. The best entries of the challenge trained with flips, and with
    rotation by any angle with black fill (Pan, Prellberg, Marzahl 2019).
    """

    horizontal_flip: bool
    """Mirrors each image left to right with probability 0.5."""
    vertical_flip: bool
    """Mirrors each image top to bottom with probability 0.5."""
    quarter_turns: bool
    """Rotates each image by 0, 90, 180 or 270 degrees. This changes no pixel value."""
    rotation_degrees: Annotated[float, Field(ge=0, le=180)]
    """The largest rotation in either direction, with black fill; 180 allows any angle."""
    brightness: Annotated[float, Field(ge=0, lt=1)]
    """The largest change of brightness: 0.1 multiplies the cell's pixels by 0.9 to 1.1."""
    stain: Annotated[float, Field(ge=0, lt=1)]
    """The largest change of each stain: 0.05 is light, 0.2 is strong. It helps across laboratories
    on H&E (Tellez 2019). Removing the differences in stain instead hurt: 0.787 against 0.870
    (Marzahl, other settings differ)."""


@dataclass(frozen=True, config=STRICT)
class TrainParams:
    """How the model is fitted."""

    seed: Seed
    """Seed of the order of the cells, augmentation, random initial weights and dropout."""
    optimizer: Literal["Adamax", "Adam", "AdamW", "SGD"]
    """The optimizer, by its name in Keras."""
    learning_rate: PositiveFloat
    """The learning rate at the start."""
    batch_size: Annotated[int, Field(ge=2)]
    """Cells in a batch: memory holds them at once, and batch norm sees them. One optimizer step
    uses `batch_size` × `accumulate_batches` cells, which the recipe calls the batch."""
    accumulate_batches: PositiveInt
    """Batches per optimizer step: above 1 if memory does not hold the recipe's 40 cells. Except
    for batch norm and dropout, the result is that of one large batch. Batches that an epoch leaves
    over count in the first optimizer step of the next epoch."""
    epochs: PositiveInt
    """The largest number of epochs."""
    warmup_steps: NonNegativeInt
    """Batches over which the learning rate rises linearly from 0; 0 turns warm-up off. No
    published work reports warm-up on these cells."""
    cooldown_steps: NonNegativeInt
    """Batches at the end of the last of `epochs` over which the learning rate falls linearly
    towards 0; 0 turns it off (Hägele et al. 2024, arXiv 2405.18392). A training that the policy
    stops earlier has none."""
    ema_decay: Fraction | None
    """Decay of the exponential moving average of the weights, for example 0.99; `null` turns it
    off. Validation and the final model use the averages. No published work reports it on these
    cells."""
    precision: Literal["float32", "auto"]
    """With `auto`, the base computes in bfloat16 on a GPU of compute capability 8.0 or higher, in
    float16 from 7.0, and in float32 elsewhere. The head and the final model are always float32."""
    xla: Literal["auto", True, False]
    """`auto` uses XLA on a GPU if `deterministic` is `false`: Keras has no XLA with deterministic
    operations. On a CPU, XLA was 8 times slower (measured)."""
    sampling: Literal["natural", "subject_balanced"]
    """`natural` takes each cell at most once per epoch. `subject_balanced` takes each subject of a
    class equally often. Five subjects hold 56 % of the HEM cells; no comparison is published."""
    class_weights: Literal["none", "balanced"]
    """`balanced` gives the cells of the rarer class a higher weight in the training loss."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    """Share of each training target that is spread over the classes; not tried on these cells."""
    augmentation: AugmentationParams
    device: Literal["auto", "cpu", "gpu"]
    """`auto` uses a GPU if there is one."""
    devices: Literal["one", "all"]
    """`all` splits each batch equally among all GPUs of the machine. `batch_size` is the size of
    the whole batch, and batch norm sees the whole batch. The bits differ from those of one GPU."""
    deterministic: bool
    """`true` gives the same bits on every x86-64 processor with AVX2 and FMA, or on every GPU of
    one model. `false` is as fast as TensorFlow can be."""
    threads: PositiveInt
    """Threads inside of an operation if `deterministic` is `true`, on a CPU. Sums are divided among
    them, so the bits depend on this number, and not on the number of cores. With fewer cores they
    take turns; with more, the others are idle."""
    checkpoint_every_steps: PositiveInt | None
    """Steps between checkpoints within an epoch; `null` saves only at the end of an epoch."""
    reestimate_batch_norm: NonNegativeInt
    """Training batches from which the batch norm statistics are recomputed before each validation.
    They replace the moving averages; 0 keeps the averages. It is another remedy for the problem
    that `model.base_batch_norm_momentum` describes (Wu and Johnson 2021, arXiv 2105.07576)."""
    fine_tuning: FineTuningParams
    policy: PolicyParams
