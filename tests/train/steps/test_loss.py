import keras
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from stages.common.errors import StageError
from stages.train.steps.loss import cell_weights, loss_name, targets

LABELS = np.array([1, 1, 0, 1, 0, 1, 1, 1], np.int64)


def probabilities() -> np.ndarray:
    values = np.random.default_rng(1).uniform(0.05, 1, (len(LABELS), 2)).astype(np.float32)
    return values / values.sum(1, keepdims=True)


def evaluated(label_smoothing: float, *, training: bool) -> tuple[float, float]:
    """Loss and accuracy by a compiled model that says `probabilities()`."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
    model.compile(loss=loss_name(label_smoothing), metrics=["accuracy"])
    goals = targets(LABELS, label_smoothing=label_smoothing, training=training)
    loss, accuracy = model.evaluate(probabilities(), goals, verbose=0)
    return loss, accuracy


def test_without_smoothing_the_targets_are_the_labels() -> None:
    for training in (True, False):
        assert targets(LABELS, label_smoothing=0.0, training=training) is LABELS
    assert loss_name(0.0) == "sparse_categorical_crossentropy"


@pytest.mark.parametrize("label_smoothing", [0.05, 0.3])
def test_training_is_smoothed_as_keras_smooths(label_smoothing: float) -> None:
    loss, accuracy = evaluated(label_smoothing, training=True)
    keras_loss = keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
    assert loss == pytest.approx(float(keras_loss(np.eye(2)[LABELS], probabilities())), rel=1e-5)
    assert accuracy == evaluated(0.0, training=True)[1]
    goals = targets(LABELS, label_smoothing=label_smoothing, training=True)
    assert goals.dtype == np.float32
    assert goals[0] == pytest.approx([label_smoothing / 2, 1 - label_smoothing / 2])


def test_validation_is_not_smoothed() -> None:
    assert evaluated(0.3, training=False) == pytest.approx(evaluated(0.0, training=False))


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    weights = cell_weights(LABELS, "balanced")
    assert weights is not None
    assert weights.dtype == np.float32
    assert weights == pytest.approx(compute_sample_weight("balanced", LABELS))
    assert weights.mean() == pytest.approx(1)
    assert cell_weights(LABELS, "none") is None


@pytest.mark.parametrize(("label", "missing"), [(0, "all"), (1, "hem")])
def test_a_class_without_cells_is_told(label: int, missing: str) -> None:
    with pytest.raises(StageError, match=f"^no training cell is of class {missing}; expected"):
        cell_weights(np.full(4, label, np.int64), "balanced")
