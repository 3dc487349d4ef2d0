from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from stages.export.fit_graph import IMAGE, SCALE, FitChoices, fit_graph
from stages.preprocess.image_fit import fit_image
from stages.preprocess.params import PreprocessParams

BACKGROUND = [7, 100, 200]


@cache
def session(choices: tuple) -> onnxruntime.InferenceSession:
    fit, crop_size, image_size, scale = choices
    graph = fit_graph(FitChoices(fit, crop_size, image_size, BACKGROUND, scale))
    return onnxruntime.InferenceSession(graph.SerializeToString())


def differing(choices: tuple, shape: tuple[int, int], *, scale: float | None = None) -> int:
    """How many values differ from Pillow's, for two images of noise."""
    fit, crop_size, image_size, microns = choices
    params = PreprocessParams(fit, crop_size, image_size, BACKGROUND, microns, 256)
    random = np.random.default_rng(shape[0] * 1000 + shape[1])
    images = random.integers(0, 256, (2, *shape, 3), np.uint8)
    given = {IMAGE: images} | ({SCALE: np.array([scale] * 2)} if microns else {})
    (fitted,) = session(choices).run(None, given)
    expected = [
        np.asarray(fit_image(Image.fromarray(image), params, microns_per_pixel=scale))
        for image in images
    ]
    assert fitted.shape == np.shape(expected)
    return int((fitted != expected).sum())


@pytest.mark.parametrize("image_size", [32, 48, 300])
@pytest.mark.parametrize("edge", [1, 10, 32, 47, 96, 97, 299, 333, 450, 601])
def test_a_square_is_resized_as_by_pillow(edge: int, image_size: int) -> None:
    assert differing(("exact", None, image_size, None), (edge, edge)) == 0


@pytest.mark.parametrize("edge", [320, 321, 450])
def test_the_centre_is_cut_out_as_by_pillow(edge: int) -> None:
    assert differing(("exact", 320, 48, None), (edge, edge)) == 0


@pytest.mark.parametrize("shape", [(100, 80), (120, 121), (300, 200), (119, 5), (1, 300)])
def test_a_crop_is_padded_as_by_pillow(shape: tuple[int, int]) -> None:
    assert differing(("crop", 120, 48, None), shape) == 0


@pytest.mark.parametrize("scale", [0.1, 0.133, 0.2, 0.25, 0.31])
def test_a_crop_keeps_the_physical_scale(scale: float) -> None:
    for shape in ((100, 80), (64, 64), (300, 200)):
        assert differing(("crop", 64, 40, 0.2), shape, scale=scale) == 0


def test_a_whole_image_of_any_shape_is_resized_as_by_pillow() -> None:
    random = np.random.default_rng(5)
    shapes = [tuple(pair) for pair in random.integers(1, 400, (60, 2)).tolist()]
    shapes += [(300, 94), (75, 26), (64, 64), (64, 20)]  # some of these rows first
    assert {
        shape: differing(("whole", None, 64, None), shape) for shape in shapes
    } == dict.fromkeys(shapes, 0)
