from __future__ import annotations

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.evaluate.report.gallery import (
    CELLS,
    PER_SUBJECT,
    THUMBNAIL_SIZE,
    confident_errors,
    galleries,
    least_certain,
    overlay,
    png_uri,
    thumbnail,
)


def cells(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image", "subject", "label", "p_all"])


FOUR = cells(
    ("a", "1", "all", 0.30),
    ("b", "2", "all", 0.02),
    ("c", "H1", "hem", 0.97),
    ("d", "3", "all", 0.8),
)


def decode(uri: str) -> np.ndarray:
    head, _, content = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_errors_come_with_the_most_confident_first_and_nothing_right_among_them() -> None:
    assert confident_errors(FOUR, threshold=0.5)["image"].tolist() == ["b", "c", "a"]


def test_errors_are_those_at_the_threshold_given() -> None:
    assert confident_errors(FOUR, threshold=0.3)["image"].tolist() == ["b", "c"]
    assert confident_errors(FOUR, threshold=0.9)["image"].tolist() == ["b", "c", "a", "d"]


def test_the_least_certain_are_those_nearest_to_a_half() -> None:
    assert least_certain(FOUR)["image"].tolist() == ["a", "d", "c", "b"]


def test_equals_stand_in_order_of_name_whatever_the_order_of_the_rows() -> None:
    rows = cells(*((name, name, "all", 0.25) for name in "bca"))

    assert least_certain(rows)["image"].tolist() == ["a", "b", "c"]


def test_a_subject_has_at_most_three_cells_in_a_gallery() -> None:
    rows = cells(
        *((f"x{number}", "1", "all", 0.001 * number) for number in range(9)),
        *((f"y{number}", f"{number}", "all", 0.2) for number in range(10, 40)),
    )

    chosen = confident_errors(rows, threshold=0.5)

    assert chosen["image"].tolist()[:4] == ["x0", "x1", "x2", "y10"]
    assert chosen["subject"].value_counts().max() == PER_SUBJECT
    assert len(chosen) == CELLS


def test_each_cell_is_shown_with_its_own_image_and_its_own_map() -> None:
    ids = ["d", "c", "b", "a"]
    images = np.stack([np.full((8, 8, 3), 10 * number, np.uint8) for number in range(4)])

    def explain(chosen: np.ndarray) -> np.ndarray:
        return np.stack([np.full((2, 2), float(image.max() == 20), np.float32) for image in chosen])

    errors, _ = galleries(FOUR, images=images, image_ids=ids, explain=explain, threshold=0.5)

    assert errors.map_size == (2, 2)
    assert [picture.image for picture in errors.pictures] == ["b", "c", "a"]
    assert [int(picture.thumbnail.max()) for picture in errors.pictures] == [20, 10, 30]
    lit = [bool((picture.thumbnail != picture.overlay).any()) for picture in errors.pictures]
    assert lit == [True, False, False]


def test_without_errors_a_gallery_is_empty() -> None:
    errors, uncertain = galleries(
        FOUR.iloc[3:],
        images=np.zeros((1, 8, 8, 3), np.uint8),
        image_ids=["d"],
        explain=lambda chosen: np.zeros((len(chosen), 2, 2), np.float32),
        threshold=0.5,
    )

    assert errors.pictures == []
    assert [picture.image for picture in uncertain.pictures] == ["d"]


def test_an_image_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="b"):
        galleries(
            FOUR,
            images=np.zeros((1, 8, 8, 3), np.uint8),
            image_ids=["d"],
            explain=lambda chosen: np.zeros((len(chosen), 2, 2), np.float32),
            threshold=0.5,
        )


def test_an_overlay_lights_where_the_map_is_hot_and_leaves_the_rest() -> None:
    image = np.full((16, 16, 3), 40, np.uint8)
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1

    lit = overlay(image, heat)

    assert lit[0, 0].astype(int).sum() > 3 * 40 + 200
    assert (lit[8:] == image[8:]).all()
    assert (lit[:, 8:] == image[:, 8:]).all()


def test_a_png_holds_the_pixels_and_the_same_pixels_give_the_same_bytes() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)

    np.testing.assert_array_equal(decode(png_uri(image)), image)
    assert png_uri(image) == png_uri(image.copy())


def test_a_large_image_becomes_a_thumbnail_and_a_small_one_stays() -> None:
    small = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)

    assert thumbnail(np.zeros((300, 200, 3), np.uint8)).shape == (THUMBNAIL_SIZE, 96, 3)
    np.testing.assert_array_equal(thumbnail(small), small)
