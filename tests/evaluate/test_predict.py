from __future__ import annotations

import zipfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.dataset.cell_table import read_cells
from stages.network.model_reader import load_classifier
from stages.network.predict import SYMMETRIES, predict_split
from tests.shard_folder import write_shards

from .conftest import SIZE, World, brightness_model, p_all, save


@pytest.fixture
def model(model_keras: Path) -> keras.Model:
    return load_classifier(model_keras, image_size=SIZE)


def test_every_cell_is_predicted_in_the_table_s_order(world: World, model: keras.Model) -> None:
    cells = [("all" if number % 3 else "hem", number) for number in range(130)]  # over two batches
    paths = world(test=cells)
    listed = read_cells(paths["cells_csv"])

    predictions = predict_split(model, paths["shards"], "test", listed=listed, tta="none")

    rows = listed[listed["split"] == "test"]
    assert predictions["image"].tolist() == rows["image"].tolist()
    assert predictions["subject"].tolist() == rows["subject"].tolist()
    assert predictions["label"].tolist() == [label for label, _ in cells]
    expected = [p_all(brightness) for _, brightness in cells]
    np.testing.assert_allclose(predictions["p_all"], expected, atol=1e-4)


def test_p_all_survives_the_file(world: World, model: keras.Model) -> None:
    paths = world()
    predictions = predict_split(
        model, paths["shards"], "test", listed=read_cells(paths["cells_csv"]), tta="none"
    )

    assert [float(f"{p:.8f}") for p in predictions["p_all"]] == predictions["p_all"].tolist()


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        StageError, match=r"model\.keras is missing; make it .*--single-item train`"
    ):
        load_classifier(tmp_path / "model.keras", image_size=SIZE)


def test_a_truncated_model_is_refused(tmp_path: Path, model_keras: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(model_keras.read_bytes()[:-100])

    with pytest.raises(StageError, match=r"model\.keras is cut off .*--single-item train`"):
        load_classifier(path, image_size=SIZE)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_model_with_a_flipped_byte_is_refused(
    tmp_path: Path, model_keras: Path, member: str
) -> None:
    path = tmp_path / "model.keras"
    content = bytearray(model_keras.read_bytes())
    with zipfile.ZipFile(model_keras) as archive:
        content[archive.getinfo(member).header_offset + 100] ^= 0xFF
    path.write_bytes(content)

    with pytest.raises(StageError, match=r"model\.keras cannot be loaded .*--single-item train`"):
        load_classifier(path, image_size=SIZE)


def test_a_model_for_another_image_size_is_refused(model_keras: Path) -> None:
    with pytest.raises(
        StageError, match="takes images of n×32×32×3, but the shards hold n×64×64×3; make it again"
    ):
        load_classifier(model_keras, image_size=64)


def test_a_model_of_three_classes_is_refused(tmp_path: Path) -> None:
    path = save(brightness_model(classes=3), tmp_path / "model.keras")

    with pytest.raises(StageError, match=r"gives n×3, expected n×2: p\(hem\), p\(all\); make it"):
        load_classifier(path, image_size=SIZE)


def test_nan_predictions_are_refused(world: World) -> None:
    paths = world()

    with pytest.raises(
        StageError, match=r"gives \[.*nan\] for UID_1_1_1_all\.bmp .* 4 of 4 cells.*diverged"
    ):
        predict_split(
            brightness_model(slope=np.nan),
            paths["shards"],
            "test",
            listed=read_cells(paths["cells_csv"]),
            tta="none",
        )


def test_logits_are_refused(world: World, model: keras.Model) -> None:
    model.layers[-1].activation = keras.activations.linear
    paths = world()

    with pytest.raises(StageError, match=r"expected p\(hem\) and p\(all\) that add up to 1"):
        predict_split(
            model, paths["shards"], "test", listed=read_cells(paths["cells_csv"]), tta="none"
        )


@pytest.mark.parametrize("part", ["val", "test"])
def test_the_order_of_the_table_counts(world: World, model: keras.Model, part: str) -> None:
    paths = world()
    listed = read_cells(paths["cells_csv"])
    first = predict_split(model, paths["shards"], part, listed=listed, tta="none")
    turned = predict_split(model, paths["shards"], part, listed=listed[::-1], tta="none")
    pd.testing.assert_frame_equal(turned, first[::-1].reset_index(drop=True))


def test_logits_are_those_of_the_probabilities(world: World, model: keras.Model) -> None:
    paths = world(test=[("all", 255), ("hem", 100), ("all", 0)])
    listed = read_cells(paths["cells_csv"])
    found = predict_split(model, paths["shards"], "test", listed=listed, tta="none")
    expected = [10 * (brightness / 255 - 0.5) for brightness in (255, 100, 0)]
    np.testing.assert_allclose(found["logit"], expected, atol=1e-4)
    assert found["fold"].tolist() == ["fold_0"] * 3


def test_a_certain_model_has_a_finite_logit(world: World) -> None:
    paths = world(test=[("all", 255), ("hem", 0)])
    listed = read_cells(paths["cells_csv"])
    certain = brightness_model(slope=1000)
    found = predict_split(certain, paths["shards"], "test", listed=listed, tta="none")
    assert found["p_all"].tolist() == pytest.approx([1, 0])
    assert np.isfinite(found["logit"]).all()


def test_the_symmetries_are_the_eight_of_the_square() -> None:
    image = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(1, 4, 4, 3)
    views = [symmetry(image) for symmetry in SYMMETRIES]
    assert len({view.tobytes() for view in views}) == 8
    np.testing.assert_array_equal(views[0], image)
    for view in views:
        assert sorted(view[0, :, :, 0].ravel()) == sorted(image[0, :, :, 0].ravel())
        np.testing.assert_array_equal(view[..., 1], view[..., 0] + 1)


def test_test_time_augmentation_gives_the_mean_logit_of_all_symmetries(world: World) -> None:
    """A model of the top half alone: a bright top is ALL, so that views of an image differ."""
    images = keras.Input((SIZE, SIZE, 3))
    top = keras.layers.Cropping2D(((0, SIZE // 2), (0, 0)))(images)
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(top))
    dense = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(images, dense(mean))
    dense.set_weights([np.array([[0, 3.0]] * 3), np.zeros(2)])
    paths = world(test=[("all", 0), ("hem", 0)])
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[: SIZE // 2] = 255
    rows = read_cells(paths["cells_csv"])
    tested = rows[rows["split"] == "test"]
    records = [(image, row.label, row.image) for row in tested.itertuples()]
    write_shards(paths["shards"], records, image_size=SIZE)

    found = predict_split(model, paths["shards"], "test", listed=rows, tta="d4")

    np.testing.assert_allclose(found["logit"], 9, atol=1e-4)  # 3 channels × 3
    # Of the 8 views two have all of the light on top, two none, four half of it.
    np.testing.assert_allclose(found["logit_tta"], 4.5, atol=1e-4)
    np.testing.assert_allclose(found["p_all_tta"], 1 / (1 + np.exp(-4.5)), atol=1e-5)
