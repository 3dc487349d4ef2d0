import pytest
import tensorflow as tf

from stages.network import known_answers
from stages.network.known_answers import computes_as_others, digest


def test_the_answers_are_the_same_a_second_time() -> None:
    assert digest() == digest()


def test_other_bits_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_answers, "_ANSWERS", {tf.__version__: digest()})
    assert computes_as_others() is True
    monkeypatch.setattr(
        tf, "sigmoid", lambda numbers: tf.math.nextafter(tf.nn.sigmoid(numbers), 2.0)
    )
    assert computes_as_others() is False


def test_of_a_version_of_tensorflow_without_known_answers_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(known_answers, "_ANSWERS", {})
    assert computes_as_others() is None


def test_there_are_answers_for_the_version_that_is_installed() -> None:
    assert tf.__version__ in known_answers._ANSWERS
