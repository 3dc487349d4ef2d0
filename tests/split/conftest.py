from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import pandas as pd
import pytest

from stages.dataset.image_names import parse_image_name
from stages.split.groups import subject_groups
from tests.conftest import ROOT

FULL_LISTING = ROOT.parent / "shared/data/cnmc-train-cells.csv"
# Images of these subjects that are byte-identical in C-NMC, by the sha256 of all files.
SHARING_SUBJECTS = ("20 21", "51 78", "51 75", "H2 H4", "H2 H5", "H6 H2", "H10 H3")

ListCells = Callable[[Mapping[str, Mapping[str, int]]], pd.DataFrame]


@pytest.fixture(scope="session")
def list_cells() -> ListCells:
    """List cells, one field each, as {group: {label: number of cells}}."""

    def listing(groups: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
        rows = [
            (f"UID_{group}_{number}_1_{label}.bmp", label, group)
            for group, labels in groups.items()
            for label, count in labels.items()
            for number in range(1, count + 1)
        ]
        return pd.DataFrame(rows, columns=["image", "label", "group"]).assign(
            subject=lambda cells: cells["group"]
        )

    return listing


@pytest.fixture(scope="session")
def full_listing() -> pd.DataFrame:
    """The 10,661 training cells of C-NMC, without pixels; skips where the listing is absent."""
    if not FULL_LISTING.exists():
        pytest.skip(f"no listing of the real training images at {FULL_LISTING}")
    images = pd.read_csv(FULL_LISTING)["file_name"].tolist()
    cells = pd.DataFrame([vars(parse_image_name(image)) for image in images])
    cells.insert(0, "image", images)
    cells["member"] = cells["image"]
    member_of = dict(zip(cells["subject"], cells["member"], strict=True))
    identical = [[member_of[name] for name in pair.split()] for pair in SHARING_SUBJECTS]
    return cells.assign(group=subject_groups(cells, identical))


@pytest.fixture(scope="session")
def many_groups(list_cells: ListCells) -> pd.DataFrame:
    """60 groups of uneven size, one of them of both classes."""
    sizes = itertools.cycle([3, 41, 7, 19, 28, 11, 5])
    groups: dict[str, dict[str, int]] = {
        f"{number}": {"all" if number % 3 else "hem": next(sizes)} for number in range(60)
    }
    groups["7"] = {"all": 9, "hem": 6}
    return list_cells(groups)
