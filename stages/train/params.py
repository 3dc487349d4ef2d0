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
)


@dataclass(frozen=True, config=STRICT)
class PolicyParams:
    """When the learning rate falls, and when training stops."""

    monitor: Literal["val_accuracy", "val_loss"]
    """Which figure tells the best epoch, and when the learning rate falls."""
    patience: PositiveInt
    """Epochs without a better one before the learning rate falls."""
    factor: Fraction
    """What the learning rate is then multiplied by."""
    stop_patience: PositiveInt
    """Reductions in a row, without a better epoch between them, after which training stops."""
    dwell: bool
    """`true`: after a reduction training goes on from the best epoch's weights."""


@dataclass(frozen=True, config=STRICT)
class FineTuningParams:
    """Which layers of the base train, and from which epoch on. From ImageNet weights only."""

    freeze_epochs: NonNegativeInt
    """Epochs in which only the head trains. The policy begins anew with the base, and does not stop
    before. Without augmentation the features of the frozen base are computed once, and such an
    epoch takes next to no time. Prellberg and Kramer (2019) held the base back by smaller rates
    instead (stem 1e-6, body 1e-4, head 1e-2), and were best within 3 epochs."""
    unfreeze_from: Annotated[str, Field(pattern=r"^(block[1-7][a-z]|top)$")] | None
    """The first block of the base that then trains, as `block5a`; `null` for all."""
    freeze_batch_norm: bool
    """`true` keeps ImageNet's statistics, scales and offsets in the base. Across sites it took a
    ResNet50 from 23 to 51 % on another set of blood cells."""


@dataclass(frozen=True, config=STRICT)
class AugmentationParams:
    """How training images are varied. The black background stays black.

    Cells have no upper side. The best entries of the challenge trained with flips and full rotation
    with black fill (Pan, Prellberg, Marzahl 2019).
    """

    horizontal_flip: bool
    """Mirrors half of the images from left to right."""
    vertical_flip: bool
    """Mirrors half of the images from top to bottom."""
    quarter_turns: bool
    """Turns images by 0, 90, 180 or 270 degrees, which changes no pixel."""
    rotation_degrees: Annotated[float, Field(ge=0, le=180)]
    """The largest rotation either way, with black fill; 180 for any angle."""
    brightness: Annotated[float, Field(ge=0, lt=1)]
    """The largest change of brightness: 0.1 multiplies the cell's pixels by 0.9 to 1.1."""
    stain: Annotated[float, Field(ge=0, lt=1)]
    """The largest change of the stain: 0.05 is light, 0.2 strong. It helps across laboratories on
    H&E (Tellez 2019). The opposite, to remove differences of stain, hurt: 0.787 against 0.870
    (Marzahl, other settings differ)."""


@dataclass(frozen=True, config=STRICT)
class TrainParams:
    """How the model is fitted."""

    optimizer: Literal["Adamax", "Adam", "AdamW", "SGD"]
    """The optimizer, by its name in Keras."""
    learning_rate: PositiveFloat
    """The learning rate at the start."""
    batch_size: Annotated[int, Field(ge=2)]
    """Cells that memory holds at once and that batch norm sees. The recipe's batch, the cells
    behind one step of the optimizer, is `batch_size` × `accumulate_batches`."""
    accumulate_batches: PositiveInt
    """Batches behind one step of the optimizer: above 1 for a memory that does not hold the
    recipe's 40 cells. But for batch norm and dropout the result is that of one large batch. What an
    epoch leaves over counts with the first batches of the next."""
    epochs: PositiveInt
    """Epochs at most."""
    warmup_steps: NonNegativeInt
    """Batches over which the learning rate rises in a line from nothing; 0 for none. Nothing is
    published on these cells."""
    ema_decay: Fraction | None
    """Share that a running mean of the weights keeps of itself at each step, as 0.99; `null` for no
    mean. Validation and the final model then have the means. Nothing is published on these
    cells."""
    precision: Literal["float32", "auto"]
    """`auto` lets the base compute in bfloat16 (compute capability from 8.0) or float16 (from 7.0)
    on a GPU that has it, in float32 elsewhere. The head and the final model are always float32."""
    xla: Literal["auto", True, False]
    """`auto` uses XLA on a GPU where `deterministic` is `false`: Keras has no XLA with
    deterministic operations. On a CPU XLA was 8 times slower (measured)."""
    sampling: Literal["natural", "subject_balanced"]
    """`natural` takes each cell at most once an epoch, `subject_balanced` each subject of a class
    equally often. Five subjects hold 56 % of the HEM cells; no comparison has been published."""
    class_weights: Literal["none", "balanced"]
    """`balanced` lets a cell of the rarer class count for more in the loss of training."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    """Share of each target of training that is spread over the classes; not tried on these
    cells."""
    augmentation: AugmentationParams
    device: Literal["auto", "cpu", "gpu"]
    """`auto` takes the GPU where there is one."""
    devices: Literal["one", "all"]
    """`all` shares each batch among all GPUs of the machine, an equal part for each. `batch_size`
    is that of the whole batch, which batch norm sees, too. The bits are others than with one."""
    deterministic: bool
    """`true` gives the same bits again on the same kind of machine."""
    checkpoint_every_steps: PositiveInt | None
    """Steps between checkpoints inside an epoch; `null` for a checkpoint at its end alone."""
    reestimate_batch_norm: NonNegativeInt
    """Training batches from which the statistics of batch norm are computed anew before each
    validation, in place of the moving averages; 0 for none. It is the other remedy for what
    `model.base_batch_norm_momentum` describes (Wu and Johnson 2021, arXiv 2105.07576)."""
    fine_tuning: FineTuningParams
    policy: PolicyParams
