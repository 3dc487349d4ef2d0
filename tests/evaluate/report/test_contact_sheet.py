from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from stages.evaluate.report.contact_sheet import contact_sheet

from .pages import PREDICTIONS, make_galleries


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_the_same_gallery_gives_the_same_bytes_and_another_one_others() -> None:
    errors, uncertain = make_galleries()

    assert contact_sheet(uncertain) == contact_sheet(make_galleries()[1])
    assert contact_sheet(uncertain) != contact_sheet(errors)


@pytest.mark.parametrize("name", ["thumbnail", "overlay"])
def test_a_cell_and_its_grad_cam_are_both_on_the_sheet(name: str) -> None:
    _, uncertain = make_galleries()
    first, *others = uncertain.pictures
    green = replace(first, **{name: np.full((32, 32, 3), (0, 255, 0), np.uint8)})

    sheet = pixels(contact_sheet(replace(uncertain, pictures=[green, *others])))

    assert (sheet == (0, 255, 0)).all(axis=-1).sum() > 5_000
    assert not (pixels(contact_sheet(uncertain)) == (0, 255, 0)).all(axis=-1).sum() > 5_000


def test_every_cell_is_on_the_sheet() -> None:
    _, uncertain = make_galleries()
    bare = pixels(contact_sheet(make_galleries(PREDICTIONS.iloc[:1])[1]))
    full = pixels(contact_sheet(uncertain))

    ink = [(sheet < 250).any(axis=-1).mean() for sheet in (bare, full)]
    assert ink[1] > 3 * ink[0]


def test_an_empty_gallery_gives_a_sheet_that_says_so() -> None:
    right = PREDICTIONS.assign(p_all=[0.9, 0.6, 0.2, 0.1])
    errors, _ = make_galleries(right)

    sheet = pixels(contact_sheet(errors))

    assert errors.pictures == []
    assert (sheet < 100).any()
