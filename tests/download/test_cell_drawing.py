import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.download.cell_drawing import IMAGE_SIZE, Look, bell, draw_bmp, smooth_noise

ROUND = Look(
    radius=90,
    elongation=1,
    raggedness=0,
    clump_contrast=0,
    clump_size=30,
    nucleoli=0,
    stain=(0, 0, 0),
    light=(1, 1, 1, 1),
)


def draw(seed: int = 0, **changes: object) -> np.ndarray:
    look = Look(**(ROUND.__dict__ | changes))
    with Image.open(io.BytesIO(draw_bmp(look, np.random.default_rng(seed)))) as image:
        assert (image.format, image.mode) == ("BMP", "RGB")
        return np.asarray(image)


def mean_colour(pixels: np.ndarray) -> np.ndarray:
    return pixels[pixels.any(axis=2)].mean(axis=0)


def test_a_nucleus_without_raggedness_is_a_disc_of_the_radius_that_was_asked_for() -> None:
    inside = draw(radius=90).any(axis=2)
    assert inside.shape == (IMAGE_SIZE, IMAGE_SIZE)
    assert inside.sum() == pytest.approx(np.pi * 90**2, rel=0.01)
    ys, xs = np.nonzero(inside)
    assert np.hypot(ys - ys.mean(), xs - xs.mean()).max() < 91.5


def test_elongation_lengthens_one_axis_by_up_to_that_factor() -> None:
    ratios = []
    for seed in range(8):
        ys, xs = np.nonzero(draw(seed, elongation=1.3).any(axis=2))
        short, long = np.sqrt(np.linalg.eigvalsh(np.cov(ys, xs)))
        assert 2 * short == pytest.approx(90, rel=0.02)
        ratios.append(long / short)
    assert max(ratios) < 1.31
    assert np.ptp(ratios) > 0.1


def test_raggedness_lengthens_the_outline() -> None:
    def outline(raggedness: float) -> int:
        inside = draw(raggedness=raggedness).any(axis=2)
        return int(np.count_nonzero(np.diff(inside, axis=0)))

    assert outline(0.8) > outline(0)


def test_clump_contrast_roughens_the_texture() -> None:
    def roughness(contrast: float) -> float:
        return float(draw(clump_contrast=contrast)[200:250, 200:250, 0].std())

    assert roughness(20) > 1.5 * roughness(0)


def test_stain_moves_the_mean_colour_channel_by_channel() -> None:
    moved = mean_colour(draw(stain=(10, -5, 0))) - mean_colour(draw())
    assert moved == pytest.approx([10, -5, 0], abs=0.5)


def test_light_falls_off_across_the_image() -> None:
    row = draw(light=(1.5, 0.5, 1, 1))[IMAGE_SIZE // 2].mean(axis=1)
    assert row[150:200].mean() > 1.2 * row[250:300].mean()


@given(st.integers(0, 1000))
def test_any_cell_stands_on_black_and_every_pixel_of_it_is_brighter(seed: int) -> None:
    dark = (-200.0, -200.0, -200.0)
    inside = draw(seed, radius=135, elongation=1.3, raggedness=0.6, stain=dark).any(axis=2)
    assert inside[IMAGE_SIZE // 2, IMAGE_SIZE // 2]
    for edge in (inside[:55], inside[-55:], inside[:, :55], inside[:, -55:]):
        assert not edge.any()
    assert draw(seed, stain=dark).min(axis=2)[225, 225] == 4  # the darkest that is no background


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 60))
def test_smooth_noise_is_bounded_and_has_no_jumps(seed: int, spacing: int, size: int) -> None:
    noise = smooth_noise(np.random.default_rng(seed), size, spacing)
    assert noise.shape == (size, size)
    assert noise.min() >= -1
    assert noise.max() < 1
    steepest = 2 * 1.5 / spacing  # of a smoothstep between -1 and 1
    assert size == 1 or np.abs(np.diff(noise, axis=0)).max() <= steepest + 1e-12


def test_bell_has_mean_0_and_variance_1() -> None:
    random = np.random.default_rng(1)
    numbers = np.array([bell(random) for _ in range(20_000)])
    assert numbers.mean() == pytest.approx(0, abs=0.02)
    assert numbers.var() == pytest.approx(1, abs=0.03)
    assert np.abs(numbers).max() <= 6


def test_the_same_generator_state_draws_the_same_bytes() -> None:
    look = Look(**(ROUND.__dict__ | {"raggedness": 0.4, "nucleoli": 4, "clump_contrast": 9}))
    first, again, other = (draw_bmp(look, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other
