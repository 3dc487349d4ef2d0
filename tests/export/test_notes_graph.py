"""The graph notes what is unlike the training cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from stages.export.familiarity import Familiarity, distances, look  # noqa: E402
from stages.export.notes_graph import NOTES, notes_graph  # noqa: E402
from stages.preprocess.appearance import appearance  # noqa: E402
from tests.export.drawn_cells import disc_image, training_cells  # noqa: E402
from tests.export.test_familiarity import fitted  # noqa: E402


def answer(known: Familiarity, images: np.ndarray, features: np.ndarray | None = None):
    model = notes_graph(known, images.shape[1]).SerializeToString()
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    given = known.centres[[0] * len(images)] if features is None else features
    return session.run(None, {"fitted": images, "features": given})


def names(known: Familiarity, image: np.ndarray) -> set[str]:
    return {NOTES[place][0] for place in np.flatnonzero(answer(known, image[None])[1][0])}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (disc_image((24, 24)), set()),
        (disc_image((24, 24), ground=230), {"background"}),
        (disc_image((24, 46)), {"cut_off", "size"}),
        (disc_image((11, 11), (36, 36), radius=8), {"several_cells"}),
        (disc_image((24, 24), radius=4), {"size"}),
        (disc_image((24, 24), light=250), {"brightness"}),
    ],
)
def test_each_note_is_given_of_what_it_names(image: np.ndarray, expected: set[str]) -> None:
    assert names(fitted(training_cells()), image) == expected


def test_measures_are_those_of_python_to_the_last_digit() -> None:
    generator = np.random.default_rng(3)
    images = generator.integers(0, 30, (80, 48, 48, 3)).astype(np.uint8)
    for number, image in enumerate(images):
        image[:3], image[-3:], image[:, :3], image[:, -3:] = (number % 15,) * 4
        image[::2, ::3] = number % 15
    known = fitted(training_cells())
    for image in images[::4]:
        area, brightness, *_, even = appearance(image)
        exact = replace(known, area=(area - 1e-6, area + 1e-6), cells_limit=look(image)[3],
                        brightness=(brightness - 1e-4, brightness + 1e-4),
                        border_limit=look(image)[2])  # fmt: skip
        assert even
        assert not names(exact, image) - {"background"}
        fewer = replace(exact, cells_limit=look(image)[3] - 1, area=(area + 2e-6, 1))
        assert {"several_cells", "size"} <= names(fewer, image)


def test_distances_are_those_of_python() -> None:
    known = fitted(training_cells())
    features = np.random.default_rng(4).normal(size=(9, 20)).astype(np.float32)
    found, _ = answer(known, training_cells(9), features)
    assert found == pytest.approx(distances(features, known), rel=1e-6)


def test_no_note_on_the_background_where_training_images_have_none() -> None:
    known = replace(fitted(training_cells()), uniform_background=False)
    noise = np.random.default_rng(5).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    assert names(known, noise) == set()
