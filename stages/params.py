"""params.yaml as frozen dataclasses. The one place that reads it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from stages.errors import StageError

STRICT = ConfigDict(extra="forbid", strict=True)

PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeInt = Annotated[int, Field(ge=0)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=STRICT)
class DownloadParams:
    """Where the archive and the weights come from."""

    source: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None
    kaggle_dataset: Annotated[str, Field(pattern=r"^[\w-]+/[\w-]+/versions/[1-9]\d*$")]
    accept_unknown_archive: bool
    synthetic_cells: Annotated[int, Field(ge=320)]
    weights: Literal["imagenet", "none"]


@dataclass(frozen=True, config=STRICT)
class SplitParams:
    """How the cells are divided; what validation and test leave is for training."""

    strategy: Literal["stratified", "subject"]
    validation_share: Fraction
    test_share: Fraction


@dataclass(frozen=True, config=STRICT)
class PreprocessParams:
    """How an image becomes a shard record; sizes in pixels."""

    expected_size: PositiveInt
    crop_size: PositiveInt | None
    image_size: Annotated[int, Field(ge=32)]
    cells_per_shard: PositiveInt


@dataclass(frozen=True, config=STRICT)
class PolicyParams:
    """When the learning rate falls and when training stops; patience in epochs and reductions."""

    monitor: Literal["val_accuracy", "val_loss"]
    patience: PositiveInt
    factor: Fraction
    stop_patience: PositiveInt
    dwell: bool


@dataclass(frozen=True, config=STRICT)
class FineTuningParams:
    """Which layers of the base train, and from which epoch on."""

    freeze_epochs: NonNegativeInt
    unfreeze_from: Annotated[str, Field(pattern=r"^(block[1-7][a-z]|top)$")] | None
    freeze_batch_norm: bool


@dataclass(frozen=True, config=STRICT)
class AugmentationParams:
    """How training images are varied; see stages/train/augment.py.

    `brightness` and `stain` are the widest change of a factor whose middle is 1.
    """

    horizontal_flip: bool
    vertical_flip: bool
    quarter_turns: bool
    rotation_degrees: Annotated[float, Field(ge=0, le=180)]
    brightness: Annotated[float, Field(ge=0, lt=1)]
    stain: Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=STRICT)
class TrainParams:
    """How the model is fitted."""

    optimizer: Literal["Adamax", "Adam", "AdamW", "SGD"]
    learning_rate: PositiveFloat
    batch_size: Annotated[int, Field(ge=2)]
    accumulate_batches: PositiveInt
    epochs: PositiveInt
    warmup_steps: NonNegativeInt
    ema_decay: Fraction | None
    precision: Literal["float32", "auto"]
    xla: Literal["auto", True, False]
    sampling: Literal["natural", "subject_balanced"]
    class_weights: Literal["none", "balanced"]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    augmentation: AugmentationParams
    device: Literal["auto", "cpu", "gpu"]
    devices: Literal["one", "all"]
    deterministic: bool
    checkpoint_every_steps: PositiveInt | None
    reestimate_batch_norm: NonNegativeInt
    fine_tuning: FineTuningParams
    policy: PolicyParams


@dataclass(frozen=True, config=STRICT)
class EvaluateParams:
    """How the model is measured; p(ALL) at or above `threshold` is called ALL.

    `target_sensitivity` is that of the operating point on the validation cells.
    """

    threshold: Fraction
    target_sensitivity: Fraction
    bootstrap_replicates: Annotated[int, Field(ge=2000)]
    tta: Literal["none", "d4"]


@dataclass(frozen=True, config=STRICT)
class BaseBatchNormMomentum:
    """Momentum of the moving averages in the base, by the weights that it starts from."""

    imagenet: Momentum
    none: Momentum


@dataclass(frozen=True, config=STRICT)
class BatchNormParams:
    """Batch normalisation of the pooled features."""

    axis: Annotated[int, Field(ge=-1, le=-1)]  # pooled features have no other
    momentum: Momentum
    epsilon: PositiveFloat


@dataclass(frozen=True, config=STRICT)
class DenseParams:
    """The regularised hidden layer."""

    units: PositiveInt
    activation: Literal["relu", "gelu", "silu"]
    kernel_l2: NonNegativeFloat
    activity_l1: NonNegativeFloat
    bias_l1: NonNegativeFloat


@dataclass(frozen=True, config=STRICT)
class ModelParams:
    """The network between the pixels and p(HEM), p(ALL)."""

    base: Annotated[str, Field(pattern=r"^EfficientNetB[0-7]$")]
    pooling: Literal["max", "avg"]
    base_batch_norm_momentum: BaseBatchNormMomentum
    batch_norm: BatchNormParams
    dense: DenseParams
    dropout: Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=STRICT)
class ProfileParams:
    """The parameters of every stage for one kind of data."""

    download: DownloadParams
    split: SplitParams
    preprocess: PreprocessParams
    train: TrainParams
    evaluate: EvaluateParams


@dataclass(frozen=True, config=STRICT)
class Params:
    """The whole of params.yaml."""

    profile: str
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    model: ModelParams
    profiles: dict[str, ProfileParams]

    def section(self, kind: type) -> Any:
        """Return the section of type `kind`: the model's, or a stage's in the chosen profile."""
        chosen = self.profiles[self.profile]
        candidates = (self.model, *(getattr(chosen, name) for name in vars(chosen)))
        return next(section for section in candidates if type(section) is kind)


def load_params(path: Path) -> Params:
    """Read and check params.yaml.

    Raises:
        StageError: if the file is missing or no YAML; on an unknown, missing, wrong-typed or
            out-of-range key, or a profile that is not among `profiles`; the message names each.
    """
    try:
        # By way of JSON, for which strictness means strict values, not ready-made dataclasses.
        content = json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str)
    except FileNotFoundError as error:
        raise StageError(
            f"{path} is missing; run this where params.yaml and dvc.yaml are"
        ) from error
    except (yaml.YAMLError, TypeError, ValueError) as error:  # also for what JSON cannot say
        raise StageError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    try:
        params = TypeAdapter(Params).validate_json(content)
    except ValidationError as error:
        problems = "; ".join(_explain(problem) for problem in error.errors())
        raise StageError(f"{path}: {problems}") from error
    if params.profile not in params.profiles:
        known = ", ".join(sorted(params.profiles))
        raise StageError(f"{path}: profile is {params.profile!r}, expected one of: {known}")
    return params


def _explain(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "the file"
    match problem["type"]:
        case "missing":
            return f"{key} is missing; add it"
        case "unexpected_keyword_argument":
            return f"{key} is not a known parameter; check its spelling or remove it"
    given, message = problem["input"], problem["msg"]
    hint = _number_hint(given, problem["type"]) if isinstance(given, str) else ""
    return f"{key} is {given!r}: {message[0].lower()}{message[1:]}{hint}"


def _number_hint(text: str, problem_type: str) -> str:
    """Say how to write a number that YAML reads as text, as it does 1e-3, which has no dot."""
    if problem_type not in ("int_type", "float_type"):
        return ""
    try:
        number = float(text)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    whole = problem_type == "int_type" and number.is_integer()
    written = yaml.safe_dump(int(number) if whole else number).split()[0]
    return f" (YAML reads it as text; write it as {written})"
