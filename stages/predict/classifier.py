"""The model file: what it says of itself, and its answers for images of one size."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from stages.common.errors import StageError
from stages.dataset.classes import CLASS_NAMES
from stages.dataset.image_decoding import Colour, Pixels

FORMAT = 1
"""Of the metadata: the newest that is read."""

OUTPUTS = ("p_all", "p_all_calibrated", "notes")
REMAKE = "make it again with `make export`"

Probabilities = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Metadata:
    """What the model file says of itself, as far as predict needs it.

    Attributes:
        fit: exact, crop or whole, as in `preprocess.fit`.
        crop_size: of the centre that the network sees, in pixels; None for all of it.
        image_size: width and height of the network's input, in pixels.
        background: what transparent pixels are put on.
        microns_per_pixel: of the training images; None if the model does not ask for it.
        temperature: what a logit is divided by to calibrate it.
        threshold: from which p(ALL) on a cell is called ALL.
        operating_threshold: the same for the chosen sensitivity; None if there is none.
        notes: what is said of an image by which output `notes` holds.
        synthetic: whether the training images are drawn by this project.
        disclaimer: what the model is not for.
    """

    fit: str
    crop_size: int | None
    image_size: int
    background: Colour
    microns_per_pixel: float | None
    temperature: float
    threshold: float
    operating_threshold: float | None
    notes: tuple[str, ...]
    synthetic: bool
    disclaimer: str


@dataclass(frozen=True)
class Answers:
    """The answers for n images: float64 (n,) twice, and bool (n, notes)."""

    p_all: Probabilities
    p_all_calibrated: Probabilities
    notes: Flags


class Classifier:
    """A model file that is open. Several threads may ask at once."""

    def __init__(self, content: bytes | Path, *, name: str) -> None:
        """Open a model file, or its bytes.

        Raises:
            StageError: if it is missing or damaged, or no model that `stages/export` has made, of
                other classes, or in a newer format than FORMAT.
        """
        self._session = _session(content, name)
        self.metadata = _metadata(self._session, name)
        self._name = name
        types = {given.name: given.type for given in self._session.get_inputs()}
        wide = types.get("microns_per_pixel") == "tensor(double)"
        self._scale_type = np.float64 if wide else np.float32

    def answer(self, images: Pixels, *, microns_per_pixel: float | None) -> Answers:
        """Return the answers for images (n, height, width, 3) of one size, RGB in 0…255.

        Raises:
            StageError: if the model does not give probabilities.
        """
        given: dict[str, Any] = {"image": images}
        if self.metadata.microns_per_pixel is not None:
            given["microns_per_pixel"] = np.full(len(images), microns_per_pixel, self._scale_type)
        try:
            p_all, calibrated, notes = self._session.run(OUTPUTS, given)
        except Exception as error:  # those of ONNX Runtime have no common class
            raise StageError(f"{self._name} fails ({_one_line(error)}); {REMAKE}") from error
        for found in (p_all, calibrated):
            if not ((found >= 0) & (found <= 1)).all():
                raise StageError(f"{self._name} gives {found.tolist()}, expected p(ALL); {REMAKE}")
        return Answers(np.asarray(p_all, np.float64), np.asarray(calibrated, np.float64), notes)


def _session(content: bytes | Path, name: str) -> onnxruntime.InferenceSession:
    if isinstance(content, Path):
        if not content.is_file():
            raise StageError(f"{name} is missing; {REMAKE}, or name another by --model")
        content = content.read_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # each core has images of its own
    options.log_severity_level = 4  # what fails is said in one line
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # those of ONNX Runtime have no common class
        raise StageError(
            f"{name} cannot be loaded: it is damaged, cut off or no ONNX model, or it is newer "
            f"than this ONNX Runtime {onnxruntime.__version__} ({_one_line(error)}); {REMAKE}"
        ) from error


def _metadata(session: onnxruntime.InferenceSession, name: str) -> Metadata:
    try:
        told = json.loads(session.get_modelmeta().custom_metadata_map["classifier"])
        newest = int(told["format"])
    except (KeyError, ValueError, TypeError) as error:
        raise StageError(f"{name} is no model that `make export` has made; {REMAKE}") from error
    if newest > FORMAT:
        raise StageError(
            f"{name} was made by a newer version of this project (format {newest}, this version "
            f"reads up to {FORMAT}); update the project, or name another model by --model"
        )
    try:
        _require_classes(told["class_names"], name)
        return _parsed(told)
    except (KeyError, TypeError, AttributeError) as error:
        raise StageError(f"{name} has damaged metadata ({error!r}); {REMAKE}") from error


def _require_classes(names: list[str], where: str) -> None:
    if tuple(names) != CLASS_NAMES:
        raise StageError(
            f"{where} tells the classes {', '.join(names)} apart, expected "
            f"{', '.join(CLASS_NAMES)}; name another model by --model"
        )


def _parsed(told: dict[str, Any]) -> Metadata:
    taken = told["input"]
    thresholds = {each["name"]: each["value"] for each in told["thresholds"]}
    return Metadata(
        fit=taken["fit"],
        crop_size=taken["crop_size"],
        image_size=taken["image_size"],
        background=tuple(taken["background"]),
        microns_per_pixel=taken["microns_per_pixel"],
        temperature=told["temperature"],
        threshold=thresholds["default"],
        operating_threshold=thresholds.get("operating_point"),
        notes=tuple(note["text"] for note in told["notes"]),
        synthetic=told["data"]["synthetic"],
        disclaimer=told["disclaimer"],
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
