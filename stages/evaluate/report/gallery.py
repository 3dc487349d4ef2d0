"""Make the galleries of cells: the most confident errors, and the least certain cells."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from PIL import Image

from stages.dataset.shard_reader import ShardImages

CELLS = 12
"""Maximum number of cells in a gallery."""

PER_SUBJECT = 3
"""Maximum number of cells of one subject. Otherwise one hard subject could fill a gallery."""

THUMBNAIL_SIZE = 144
"""Maximum of a thumbnail's longer side, in pixels."""

Images = np.ndarray[Any, np.dtype[np.uint8]]
Maps = np.ndarray[Any, np.dtype[np.float32]]

_OPACITY = 0.6  # of an overlay where the heat map is 1


@dataclass(frozen=True)
class Picture:
    """A cell of a gallery.

    Attributes:
        image: its file name.
        subject: its subject; empty if that is not known.
        label: hem or all.
        p_all: predicted p(ALL).
        thumbnail: uint8 (height, width, 3), RGB, at most THUMBNAIL_SIZE high and wide.
        overlay: the same with its Grad-CAM.
    """

    image: str
    subject: str
    label: str
    p_all: float
    thumbnail: Images
    overlay: Images


@dataclass(frozen=True)
class Gallery:
    """A gallery of cells.

    Attributes:
        title: heading, which names what the cells have in common.
        empty: text to show if there are none.
        map_size: rows and columns of the Grad-CAM maps.
        pictures: one per cell.
    """

    title: str
    empty: str
    map_size: tuple[int, int]
    pictures: list[Picture]


def galleries(
    predictions: pd.DataFrame,
    *,
    images: ShardImages | Images,
    image_ids: Sequence[str],
    explain: Callable[[Images], Maps],
    threshold: float,
) -> list[Gallery]:
    """Make the galleries of a split: most confident errors, least certain cells.

    Args:
        predictions: rows of predictions.csv of the split.
        images: uint8 (cells, height, width, 3), RGB in 0…255.
        image_ids: their file names, which include all images of `predictions`.
        explain: maps images (n, …) to heat maps (n, rows, columns) in 0…1; for example
            `functools.partial(gradcam.heat_maps, model)`.
        threshold: p(ALL) from which a cell is called ALL.
    """
    position = {image: number for number, image in enumerate(image_ids)}

    def gallery(title: str, empty: str, rows: pd.DataFrame) -> Gallery:
        chosen = images[np.array([position[image] for image in rows["image"]], int)]
        maps = explain(chosen)
        rows_columns = (maps.shape[1], maps.shape[2])
        return Gallery(title, empty, rows_columns, pictures(rows, chosen, maps))

    errors = confident_errors(predictions, threshold=threshold)
    uncertain = least_certain(predictions)
    return [
        gallery("Most confident errors", "No test cell is called wrong.", errors),
        gallery("Least certain cells", "There are no test cells.", uncertain),
    ]


def confident_errors(predictions: pd.DataFrame, *, threshold: float) -> pd.DataFrame:
    """Choose the misclassified cells, with p(ALL) furthest from the actual class first.

    Args:
        predictions: rows of predictions.csv of one split (image, subject, label, p_all).
        threshold: p(ALL) from which a cell is called ALL.

    Returns:
        At most CELLS of the rows, at most PER_SUBJECT per subject.
    """
    is_all = predictions["label"] == "all"
    wrong = predictions[(predictions["p_all"] >= threshold) != is_all]
    distance = (wrong["p_all"] - is_all[wrong.index]).abs()
    return _first(wrong, order=-distance)


def least_certain(predictions: pd.DataFrame) -> pd.DataFrame:
    """Choose the cells with p(ALL) nearest to 0.5; limits as in `confident_errors`."""
    return _first(predictions, order=(predictions["p_all"] - 0.5).abs())


def _first(rows: pd.DataFrame, *, order: pd.Series) -> pd.DataFrame:
    """Return the rows with the lowest `order`, up to the limits. Ties are sorted by image."""
    ranked = rows.assign(order=order).sort_values(["order", "image"]).drop(columns="order")
    # A cell whose subject is not known stands for itself.
    unit = ranked["subject"].where(ranked["subject"] != "", "cell " + ranked["image"])
    return ranked.groupby(unit, sort=False).head(PER_SUBJECT).head(CELLS)


def pictures(rows: pd.DataFrame, images: Images, maps: Maps) -> list[Picture]:
    """Make the pictures of a gallery.

    Args:
        rows: from `confident_errors` or `least_certain`.
        images: uint8 (rows, height, width, 3), RGB in 0…255.
        maps: from `gradcam.heat_maps`, (rows, any height, any width), 0…1.
    """
    return [
        Picture(
            image=str(row["image"]),
            subject=str(row["subject"]),
            label=str(row["label"]),
            p_all=float(row["p_all"]),
            thumbnail=thumbnail(image),
            overlay=thumbnail(overlay(image, heat)),
        )
        for row, image, heat in zip(rows.to_dict("records"), images, maps, strict=True)
    ]


def overlay(image: Images, heat: Maps) -> Images:
    """Blend a heat map (any size, 0…1) over an image (uint8, RGB); opacity grows with heat."""
    height, width = image.shape[:2]
    grown = Image.fromarray(heat).resize((width, height), Image.Resampling.BILINEAR)
    spread = np.clip(np.asarray(grown, np.float64), 0, 1)
    colours = mpl.colormaps["inferno"](spread)[..., :3] * 255
    opacity = _OPACITY * spread[..., np.newaxis]
    return np.rint(image * (1 - opacity) + colours * opacity).astype(np.uint8)


def thumbnail(image: Images) -> Images:
    """Shrink an image (uint8, RGB) to at most THUMBNAIL_SIZE; a smaller one stays as it is."""
    small = Image.fromarray(image)
    small.thumbnail((THUMBNAIL_SIZE, THUMBNAIL_SIZE))
    return np.asarray(small)


def png_uri(image: Images) -> str:
    """Return an image (uint8, RGB) as a PNG in a data: URI."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
