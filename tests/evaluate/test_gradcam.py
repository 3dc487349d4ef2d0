from __future__ import annotations

import keras
import numpy as np
import pytest

from stages.common.errors import StageError
from stages.evaluate.gradcam import heat_maps, last_convolution

RED, BLUE = (255, 0, 0), (0, 0, 255)


def red_against_blue(*, pooling: str = "average", bias: float = 0.0) -> keras.Model:
    """Red is ALL, blue is HEM: a convolution with a map for each, pooled, and a softmax."""
    images = keras.Input((32, 32, 3))
    scaled = keras.layers.Rescaling(1 / 255)(images)
    convolution = keras.layers.Conv2D(2, 4, strides=4, use_bias=False)
    maps = keras.layers.ReLU()(keras.layers.BatchNormalization()(convolution(scaled)))
    pool = {"average": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}
    dense = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(images, dense(pool[pooling]()(maps)))
    kernel = np.zeros((4, 4, 3, 2))
    kernel[..., 0, 0] = kernel[..., 2, 1] = 1 / 16
    convolution.set_weights([kernel])
    dense.set_weights([np.array([[-4.0, 4.0], [4.0, -4.0]]), np.array([0.0, bias])])
    return model


def picture(
    *, red: tuple[slice, slice] | None = None, blue: tuple[slice, slice] | None = None
) -> np.ndarray:
    image = np.zeros((32, 32, 3), np.uint8)
    for place, colour in ((red, RED), (blue, BLUE)):
        if place:
            image[place] = colour
    return image


UPPER_LEFT = (slice(4, 12), slice(8, 16))
LOWER_RIGHT = (slice(20, 32), slice(24, 32))


@pytest.mark.parametrize("bias", [0.0, 86.0, -86.0])
def test_what_speaks_for_all_is_lit_and_nothing_else_however_sure_the_model(bias: float) -> None:
    image = picture(red=UPPER_LEFT, blue=LOWER_RIGHT)

    maps = heat_maps(red_against_blue(bias=bias), image[np.newaxis])

    expected = np.zeros((8, 8))
    expected[1:3, 2:4] = 1
    np.testing.assert_allclose(maps[0], expected, atol=1e-6)


def test_half_as_red_is_lit_half_as_much() -> None:
    image = picture(red=UPPER_LEFT)
    image[16:20, 16:20] = (127, 0, 0)

    maps = heat_maps(red_against_blue(), image[np.newaxis])

    assert maps[0, 4, 4] == pytest.approx(127 / 255, abs=1e-3)


def test_an_image_without_anything_for_all_stays_dark() -> None:
    maps = heat_maps(red_against_blue(), picture(blue=LOWER_RIGHT)[np.newaxis])

    assert (maps == 0).all()


def test_every_image_has_its_own_map_over_batches() -> None:
    places = [(slice(4 * row, 4 * row + 4), slice(0, 4)) for row in range(8)] * 3
    images = np.stack([picture(red=place) for place in places])

    maps = heat_maps(red_against_blue(pooling="max"), images)

    assert maps.shape == (24, 8, 8)
    assert maps.dtype == np.float32
    assert [int(np.argmax(one)) for one in maps] == [8 * row for row in range(8)] * 3


def test_no_images_give_no_maps() -> None:
    assert heat_maps(red_against_blue(), np.zeros((0, 32, 32, 3), np.uint8)).shape == (0, 8, 8)


def test_frozen_layers_are_explained_alike() -> None:
    image = picture(red=UPPER_LEFT, blue=LOWER_RIGHT)[np.newaxis]
    model = red_against_blue()
    expected = heat_maps(model, image)

    model.trainable = False

    np.testing.assert_array_equal(heat_maps(model, image), expected)
    assert expected.max() == 1


def test_the_model_is_left_as_it_was() -> None:
    model = red_against_blue()
    image = picture(red=UPPER_LEFT)[np.newaxis]
    before = model.predict_on_batch(image)

    heat_maps(model, image)

    np.testing.assert_array_equal(model.predict_on_batch(image), before)


def test_on_efficientnet_with_average_pooling_it_is_the_class_activation_map() -> None:
    """Grad-CAM generalises CAM, whose answer has a closed form (Selvaraju et al. 2017, 3.1)."""
    keras.utils.set_random_seed(5)
    base = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(96, 96, 3), pooling="avg"
    )
    dense = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(base.input, dense(base.output))
    images = np.random.default_rng(5).integers(0, 256, (3, 96, 96, 3), np.uint8)

    maps = heat_maps(model, images)

    assert last_convolution(model).name == "top_activation"
    features = keras.Model(base.input, model.get_layer("top_activation").output)
    kernel = np.asarray(dense.kernel)
    activation = np.asarray(features(images.astype(np.float32))) @ (kernel[:, 1] - kernel[:, 0])
    expected = np.maximum(activation, 0)
    highest = expected.max(axis=(1, 2), keepdims=True)
    expected = np.divide(expected, highest, out=np.zeros_like(expected), where=highest > 0)
    np.testing.assert_allclose(maps, expected, atol=1e-4)


def test_a_model_without_a_convolution_is_refused() -> None:
    images = keras.Input((32, 32, 3))
    model = keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(images)))

    with pytest.raises(StageError, match=r"no convolution for Grad-CAM, only Dense, .* make it"):
        last_convolution(model)
