from __future__ import annotations

import pandas as pd

from stages.evaluate.part_appearance import ON_UNIFORM, appearance_by_part


def test_each_part_has_the_means_of_its_own_cells_in_the_order_of_the_parts() -> None:
    cells = pd.DataFrame(
        {"image": ["a", "b", "c", "a"], "split": ["test", "train", "test", "zurich"]}
    )
    looks = pd.DataFrame(
        {
            "set": ["training", "training", "training", "training", "zurich"],
            "image": ["c", "b", "a", "another", "a"],
            "area": [0.5, 0.2, 0.1, 1.0, 0.9],
            **{
                name: [30.0, 20.0, 10.0, 0.0, 0.0]
                for name in ("brightness", "red", "green", "blue")
            },
            "uniform_background": [0, 1, 1, 0, 0],
        }
    )

    found = appearance_by_part(cells, looks)

    assert list(found) == ["train", "test", "zurich"]
    assert found["zurich"]["size: share of the image"] == 0.9
    assert (found["train"][ON_UNIFORM], found["test"][ON_UNIFORM]) == (1.0, 0.5)
    assert found["test"]["size: share of the image"] == 0.3
    assert found["test"]["red of the cell"] == 20.0
