"""Compare what the cells of the parts look like: size, brightness, colour and background."""

from __future__ import annotations

import pandas as pd

from stages.dataset.appearance_table import set_and_image
from stages.dataset.cell_table import SPLITS, external_parts

ON_UNIFORM = "share on a uniform background"
"""Name of the share of the cells whose background has one colour."""

_MEANS = {
    "uniform_background": ON_UNIFORM,
    "area": "size: share of the image",
    "brightness": "brightness of the cell, 0 to 255",
    "red": "red of the cell",
    "green": "green of the cell",
    "blue": "blue of the cell",
}


def appearance_by_part(
    cells: pd.DataFrame, appearances: pd.DataFrame
) -> dict[str, dict[str, float]]:
    """Return the mean of each measure of `stages/preprocess/appearance.py` over a part's cells.

    Args:
        cells: the table of cells.
        appearances: from `read_appearance`, with each of these cells.

    Returns:
        For each part that has cells, the means by their names for people.
    """
    known = appearances.set_index(["set", "image"])[list(_MEANS)]
    measured = known.loc[set_and_image(cells)].to_numpy(float)
    means = pd.DataFrame(measured, columns=list(_MEANS.values())).groupby(cells["split"].tolist())
    found: dict[str, dict[str, float]] = means.mean().round(4).to_dict("index")  # type: ignore[assignment]
    return {part: found[part] for part in (*SPLITS, *external_parts(cells)) if part in found}
