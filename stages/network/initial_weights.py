"""The kinds of initial weights, and where download leaves a trained model for train."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

WeightsKind = Literal["none", "imagenet", "trained model"]

TRAINED_MODEL = Path("models/trained_model.keras")
"""Below the folder `keras_home`, beside where Keras looks for ImageNet weights."""

NETWORK_NAME = "leukemia_classifier"
"""The name that every model file of this project holds."""
