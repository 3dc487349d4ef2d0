import keras
import numpy as np
import pytest

from stages.params import PolicyParams
from stages.train.log import EpochLog
from stages.train.policy import PlateauPolicy


def test_each_epoch_is_a_line_and_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    params = PolicyParams(patience=1, factor=0.5, stop_patience=9)
    policy = PlateauPolicy(params, learning_rate=0.1)
    log = EpochLog(policy, epochs=3, steps=2, batch_size=4)
    data = np.zeros((8, 1), "float32")
    model.fit(
        data,
        data,
        batch_size=4,
        epochs=3,
        validation_data=(data, data),
        callbacks=[policy, log],
        verbose=0,
    )
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert len(lines) == 3
    assert lines[1].startswith("epoch 2/3: loss 0.0000, accuracy 1.0000, val_loss 0.0000")
    assert "learning rate 0.1, next 0.05; best epoch 1;" in lines[1]
    assert "training images/s" in lines[1]
    history = log.history()
    assert history.columns.tolist() == [
        "epoch",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
    ]
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history["learning_rate"].tolist() == [0.1, 0.1, 0.05]
