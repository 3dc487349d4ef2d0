from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.evaluate.stage_reports import read_history, require_both_classes


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, r"history\.csv cannot be read \(.*No such file"),
        ("", r"history\.csv cannot be read \(No columns"),
        ("epoch,loss,accuracy,val_loss,learning_rate\n1,1,1,1,1\n", "lacks columns val_accuracy"),
        ("epoch,loss,accuracy,val_loss,val_accuracy,learning_rate\n", "lacks epochs"),
    ],
)
def test_a_useless_history_is_refused(tmp_path: Path, content: str | None, complaint: str) -> None:
    path = tmp_path / "history.csv"
    if content is not None:
        path.write_text(content)

    with pytest.raises(StageError, match=rf"{complaint}.*; make it again .*--single-item train`"):
        read_history(path)


@pytest.mark.parametrize(
    ("test_labels", "found"),
    [([], "0 of hem, 0 of all"), (["all"], "0 of hem, 1 of all"), (["hem"], "1 of hem, 0 of all")],
)
def test_a_test_split_without_both_classes_is_refused(test_labels: list[str], found: str) -> None:
    labels = ["hem", "all", *test_labels]
    cells = pd.DataFrame({"label": labels, "split": ["train", "val", *["test"] * len(test_labels)]})

    with pytest.raises(StageError, match=f"cells.csv: the test split holds {found}; .* `split`"):
        require_both_classes(cells, Path("cells.csv"))
